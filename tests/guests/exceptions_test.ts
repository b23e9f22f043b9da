import { assemble } from "../../cli/wat.ts";
import { assertEquals } from "../assert.ts";
import { fetchRaw } from "./http.ts";
import { serveProgram } from "./serving.ts";

/** What the log has of a guest that throws with a tag and catches nothing. */
async function told(tag: string, reuse: "auto" | "image" | "never"): Promise<string> {
  const program = await assemble(
    "throws.wat",
    `(module (tag $tag ${tag}(param i32)) (tag $other (export "other") (param i32))
      (memory (export "memory") 1)
      (func (export "_start") (throw $tag (i32.const 1))))`,
  );
  await using guest = await serveProgram(program, { reuse });
  assertEquals((await fetchRaw(guest.port, "/")).status, 500);
  const entry = await guest.logged(({ kind }) => kind === "host");
  return entry.kind === "host" ? `${entry.level}: ${entry.message}` : "";
}

for (const reuse of ["auto", "image", "never"] as const) {
  Deno.test(`an exception that nothing catches is told with the tag's export, ${reuse}`, async () => {
    assertEquals(
      await told('(export "oops") ', reuse),
      'error: The guest trapped: uncaught WebAssembly exception "oops"',
    );
  });

  Deno.test(`an exception that nothing catches is told without an export, ${reuse}`, async () => {
    assertEquals(
      (await told("", reuse)).replace(' "tag"', ""),
      "error: The guest trapped: uncaught WebAssembly exception",
    );
  });
}

Deno.test("a tag's name is told without control characters", async () => {
  assertEquals(
    await told('(export "a\\n\\1b[31m") ', "never"),
    'error: The guest trapped: uncaught WebAssembly exception "a\ufffd\ufffd[31m"',
  );
});

Deno.test("an exception of a start function is told as one", async () => {
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
