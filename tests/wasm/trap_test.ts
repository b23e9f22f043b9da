import { withFrames } from "../../wasm/trap.ts";
import { assert, assertEquals } from "../assert.ts";

function told(...frames: string[]): string[] {
  const error = new Error("trapped");
  error.stack = ["RuntimeError: unreachable", ...frames.map((frame) => `    at ${frame}`)].join(
    "\n",
  );
  return withFrames("trapped", error, (offset) => offset).split("\n");
}

const PLACE = "wasm://wasm/0badcafe:wasm-function[12]:0x34";

Deno.test("a trace has the frames with and without a name, and none of the host's", () => {
  assertEquals(
    told(`name (${PLACE})`, PLACE, "Run.run (file:///run.ts:72:5)", `m.f (x) (${PLACE})`),
    ["trapped", "  at name (0x34)", "  at function 12 (0x34)", "  at m.f (x) (0x34)"],
  );
});

Deno.test("names of 100 KB that look like frames are read in linear time, and shortened", () => {
  // With a regular expression that backtracks each of these takes many seconds: the test would not end.
  for (
    const piece of [
      " (",
      " (wasm://",
      "wasm-function[1]:0x1",
      " (wasm://wasm-function[1]:0x1 ",
      "   at ",
    ]
  ) {
    const name = piece.repeat(3_000_000 / piece.length);
    const [, line] = told(`${name} (${PLACE})`);
    assert(line!.endsWith("… (0x34)") && line!.length < 250, line);
    told(name, `${name})`);
  }
});

Deno.test("mangled names of megabytes are shortened, and stay mangled", () => {
  // To demangle each of these takes time that is not linear in it: the test would not end.
  const names = [`_ZN${"E.llvm.".repeat(400_000)}\u2028`, `_R${"s".repeat(3_000_000)}`];
  for (const name of names) {
    const [, line] = told(`${name} (${PLACE})`);
    assert(line!.startsWith(`  at ${name.slice(0, 50)}`) && line!.length < 250, line);
  }
});

Deno.test("control characters of a name are replaced", () => {
  assertEquals(told(`a\x1b[31mb (${PLACE})`)[1], "  at a\ufffd[31mb (0x34)");
});
