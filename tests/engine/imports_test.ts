import { assemble } from "../../cli/wat.ts";
import { Fastlike, type FastlikeOptions } from "../../mod.ts";
import { answerOf } from "../asking.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";

/** Names that every object has from its prototype, or that set it. */
const NAMES = ["constructor", "__proto__", "toString", "hasOwnProperty", "prototype", "valueOf"];

/** Imports every such name from every such module, and calls the first if `calls`. */
function importing(calls: boolean): Promise<Uint8Array> {
  const imports = NAMES.flatMap((module, row) =>
    [...NAMES, "entries", "hasOwn", "assign"].map((name, column) =>
      `(import "${module}" "${name}" (func $f${row}_${column}))`
    )
  );
  return assemble(
    "pollute.wat",
    `(module ${imports.join("\n")} (memory (export "memory") 1)
      (func (export "_start") ${calls ? "(call $f0_0)" : ""}))`,
  );
}

async function answerFrom(
  source: Uint8Array,
  options?: FastlikeOptions,
): Promise<[number, string]> {
  await using app = await Fastlike.load(source, options);
  return await answerOf(app);
}

/** Members of `Object` and its prototype, which a guest must not reach. */
function objects(): unknown[] {
  return [Object, Object.prototype, Function.prototype].flatMap((object) =>
    Reflect.ownKeys(object).map((key) => Reflect.getOwnPropertyDescriptor(object, key)?.value)
  );
}

Deno.test("imports named as members of objects are unknown imports like any other", async () => {
  const before = objects();
  const kept = { ...Object.getOwnPropertyDescriptors(Object) };
  try {
    assertEquals(await answerFrom(await importing(false)), [200, ""]);
    assertEquals(Object.entries({ a: 1 }), [["a", 1]]);
    const after = objects();
    assert(before.length === after.length && before.every((value, i) => value === after[i]));
    const [status, text] = await answerFrom(await importing(true));
    assertEquals(status, 500);
    assertStringIncludes(text, "Cannot call constructor.constructor: this host does not know");
  } finally {
    Object.defineProperties(Object, kept);
  }
});

Deno.test("members of objects are refused by name as unknown imports, in known modules too", async () => {
  for (const module of ["constructor", "fastly_http_req"]) {
    for (const name of NAMES) {
      const source = await assemble(
        "guest.wat",
        `(module (import "${module}" "${name}" (func)) (memory (export "memory") 1)
          (func (export "_start")))`,
      );
      await assertRejects(
        () => Fastlike.load(source, { unknownImports: "refuse" }),
        Error,
        `Cannot load the program: it imports ${module}.${name}, which this host does not know`,
      );
    }
  }
});

Deno.test("a message names some of a thousand unknown imports, each cut and on one line", async () => {
  const imports = Array.from(
    { length: 1000 },
    (_, i) => `(import "m" "${i}\\0a${"x".repeat(5000)}" (func))`,
  );
  const source = await assemble(
    "guest.wat",
    `(module ${imports.join("\n")} (memory (export "memory") 1) (func (export "_start")))`,
  );
  const error = await assertRejects(() => Fastlike.load(source, { unknownImports: "refuse" }));
  assert(error instanceof Error);
  assertStringIncludes(error.message, "and 980 more, which this host does not know");
  assert(!error.message.includes("\n") && error.message.length < 10_000);
});
