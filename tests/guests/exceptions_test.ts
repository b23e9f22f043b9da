import { assemble } from "../../cli/wat.ts";
import { sections } from "../../wasm/rewrite/binary.ts";
import { assertEquals } from "../assert.ts";
import { fetchRaw } from "./http.ts";
import { serveProgram } from "./serving.ts";

/** Returns the log of a guest that throws with a tag and catches nothing. */
async function told(tag: string, reuse: "auto" | "snapshot" | "never"): Promise<string> {
  const program = await assemble(
    "throws.wat",
    `(module (tag $tag ${tag}(param i32)) (tag $other (export "other") (param i32))
      (memory (export "memory") 1)
      (func (export "_start") (throw $tag (i32.const 1))))`,
  );
  return await toldBy(program, reuse);
}

async function toldBy(program: Uint8Array, reuse: "auto" | "snapshot" | "never"): Promise<string> {
  await using guest = await serveProgram(program, { reuse });
  assertEquals((await fetchRaw(guest.port, "/")).status, 500);
  const entry = await guest.logged(({ kind }) => kind === "host");
  return entry.kind === "host" ? `${entry.level}: ${entry.message}` : "";
}

/** The module up to its section `name`, which is its last. */
function withoutNames(program: Uint8Array): Uint8Array {
  const at = sections(program).find(({ id }) => id === 0)?.start;
  return program.subarray(0, at);
}

for (const reuse of ["auto", "snapshot", "never"] as const) {
  Deno.test(`an uncaught exception is logged with the tag's export, ${reuse}`, async () => {
    assertEquals(
      await told('(export "oops") ', reuse),
      'error: The guest trapped: uncaught WebAssembly exception "oops"',
    );
  });

  Deno.test(`an uncaught exception is logged with the tag's own name, ${reuse}`, async () => {
    assertEquals(
      await told("", reuse),
      'error: The guest trapped: uncaught WebAssembly exception "tag"',
    );
  });
}

for (
  const [what, section] of [
    ["no names", []],
    ["an index that no tag has", [11, 6, 1, 9, 3, 0x74, 0x61, 0x67]],
    ["a name that ends too late", [11, 6, 1, 0, 99, 0x74, 0x61, 0x67]],
    ["many more names than bytes", [11, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  ] as const
) {
  Deno.test(`a program with ${what} for its tags runs, and its exception is logged without a name`, async () => {
    const program = await assemble(
      "throws.wat",
      `(module (tag (param i32)) (memory (export "memory") 1)
        (func (export "_start") (throw 0 (i32.const 1))))`,
    );
    const names = [0, section.length + 5, 4, 0x6e, 0x61, 0x6d, 0x65, ...section]; // a section `name`
    assertEquals(
      await toldBy(Uint8Array.of(...withoutNames(program), ...names), "auto"),
      "error: The guest trapped: uncaught WebAssembly exception",
    );
  });
}

Deno.test("a tag's name is logged without control characters", async () => {
  assertEquals(
    await told('(export "a\\n\\1b[31m") ', "never"),
    'error: The guest trapped: uncaught WebAssembly exception "a\ufffd\ufffd[31m"',
  );
});

Deno.test("an exception of a start function is logged as one", async () => {
  const program = await assemble(
    "starts.wat",
    `(module (tag $tag) (memory (export "memory") 1) (func $start (throw $tag)) (start $start)
      (func (export "_start")))`,
  );
  await using guest = await serveProgram(program, {});
  const message = "Cannot instantiate the program: uncaught WebAssembly exception";
  assertEquals((await fetchRaw(guest.port, "/")).body.trim(), message);
  const entry = await guest.logged(({ kind }) => kind === "host");
  assertEquals(entry.kind === "host" && entry.message, message);
});
