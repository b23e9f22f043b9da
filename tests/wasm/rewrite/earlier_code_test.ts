import { assemble } from "../../../cli/wat.ts";
import { Fastlike } from "../../../mod.ts";
import { layoutOf } from "../../../wasm/rewrite/layout.ts";
import { rewrite, type RewriteOptions, type Rewritten } from "../../../wasm/rewrite/rewrite.ts";
import { Id, Reader } from "../../../wasm/rewrite/binary.ts";
import { assert, assertEquals } from "../../assert.ts";
import { withText } from "../../guests/other_data.ts";
import { guestUrl } from "../../guests/serving.ts";
import { modules } from "../_modules.ts";

const OPTIONS: RewriteOptions = { memory: 2 ** 27, checks: true, reset: { dirtyPages: true } };

/** Rewrites a build with the help of an earlier one, and checks that the result is that without it. */
function assertSame(earlier: Uint8Array, bytes: Uint8Array, options = OPTIONS): Rewritten {
  const layout = layoutOf(bytes);
  const alone = rewrite(layout, options);
  const before = { bytes: earlier, rewritten: rewrite(layoutOf(earlier), options) };
  const helped = rewrite(layout, { ...options, earlier: before });
  if (`${helped.pieces}` !== `${alone.pieces}`) {
    // The functions that write in pieces are in the earlier order, and those that only it needed are there.
    assert(WebAssembly.validate(helped.bytes));
    return helped;
  }
  assertEquals(helped.bytes.length, alone.bytes.length);
  const wrong = helped.bytes.findIndex((byte, at) => byte !== alone.bytes[at]);
  assertEquals(wrong, -1, `byte ${wrong} differs`);
  const [edits, expected] = [helped.offsets.edits, alone.offsets.edits];
  assertEquals(edits.length, expected.length);
  assert(edits.every((number, i) => number === expected[i]), "the map of offsets differs");
  assertEquals({ ...helped, bytes: 0, offsets: 0 }, { ...alone, bytes: 0, offsets: 0 });
  return helped;
}

/** Places of some functions: the start of their code and their end. */
function functionsOf(bytes: Uint8Array): (readonly [start: number, end: number])[] {
  const section = layoutOf(bytes).find(Id.code)!;
  const r = new Reader(bytes, section.body);
  return Array.from({ length: r.unsigned() }, () => {
    const length = r.unsigned();
    const start = r.at;
    r.at += length;
    return [start, r.at] as const;
  });
}

Deno.test("a build whose code is that of the one before is rewritten alike", async () => {
  for (const name of ["rust", "go", "javascript"]) {
    const bytes = await Deno.readFile(guestUrl(name));
    assertSame(bytes, bytes.slice());
  }
});

Deno.test("a build with some other functions is rewritten alike, wherever they are", async () => {
  const bytes = await Deno.readFile(guestUrl("rust"));
  const functions = functionsOf(bytes);
  const last = functions.length - 1;
  for (
    const changed of [
      [0],
      [last],
      [1, 2, 3],
      [5, 700, 701, last],
      [...functions.keys()].filter((i) => i % 2),
    ]
  ) {
    const other = bytes.slice();
    for (const i of changed) {
      // The body becomes one that ends at once, and is filled up with instructions that do nothing.
      const [start, end] = functions[i]!;
      other.fill(0x01, start, end);
      other.set([0, 0x00], start);
      other[end - 1] = 0x0b;
    }
    assert(WebAssembly.validate(other));
    assertSame(bytes, other);
    assertSame(other, bytes);
  }
});

Deno.test("a build with other functions, memories, globals or types is rewritten alike", async () => {
  const built = await Promise.all(["rust", "rust-2020", "calls-module", "assemblyscript"].map(
    (name) => Deno.readFile(guestUrl(name)),
  ));
  for (const one of built) for (const other of built) assertSame(one, other);
  const parts = [
    `(memory (export "memory") 1) (func (export "_start") (memory.fill (i32.const 0) (i32.const 1) (i32.const 9)))`,
    `(memory (export "memory") 2) (func (export "_start") (memory.fill (i32.const 0) (i32.const 1) (i32.const 9)))`,
    `(memory (export "memory") 1) (func (export "_start") (memory.copy (i32.const 0) (i32.const 1) (i32.const 9))
       (memory.fill (i32.const 0) (i32.const 1) (i32.const 9)))`,
    `(memory (export "memory") 1) (global (mut i32) (i32.const 1)) (func (export "_start") (loop (br_if 0 (i32.const 0))))`,
    `(memory (export "memory") 1) (func (param i32) (i32.store (local.get 0) (local.get 0))) (func (export "_start"))`,
    `(memory (export "memory") 1) (func (param i32 i32) (i32.store (local.get 0) (local.get 0))) (func (export "_start"))`,
    `(memory (export "memory") 1) (func (export "_start"))`,
    `(import "fastly_http_body" "new" (func (param i32) (result i32))) (memory (export "memory") 1) (func (export "_start"))`,
  ];
  const small = await Promise.all(parts.map((part) => assemble("guest.wat", `(module ${part})`)));
  for (const one of small) for (const other of small) assertSame(one, other);
});

Deno.test("an earlier build that was rewritten in another way is not used", async () => {
  const bytes = await Deno.readFile(guestUrl("assemblyscript"));
  const all: RewriteOptions[] = [
    OPTIONS,
    { ...OPTIONS, memory: 2 ** 26 },
    { ...OPTIONS, checks: false },
    { ...OPTIONS, reset: { dirtyPages: false } },
    { ...OPTIONS, reset: undefined },
  ];
  for (const before of all) {
    for (const options of all) {
      const alone = rewrite(layoutOf(bytes), options);
      const earlier = { bytes, rewritten: rewrite(layoutOf(bytes), before) };
      const helped = rewrite(layoutOf(bytes), { ...options, earlier });
      assertEquals(helped.bytes, alone.bytes);
    }
  }
});

Deno.test("small modules of all kinds are rewritten alike after each other", async () => {
  const small = await modules();
  let compared = 0;
  for (const [i, one] of small.entries()) {
    for (const other of [one, small[(i + 1) % small.length]!]) {
      try {
        rewrite(layoutOf(one), OPTIONS);
        rewrite(layoutOf(other), OPTIONS);
      } catch {
        continue; // it cannot be reset
      }
      assertSame(one, other);
      compared++;
    }
  }
  assert(compared > 2, `only ${compared} pairs`);
});

Deno.test("a program that is reloaded quickly answers and is reset as one that is not", async () => {
  const bytes = await Deno.readFile(guestUrl("rust"));
  const other = withText(bytes, "Hello from", "Hullo from");
  await using app = await Fastlike.load(bytes, { quickReload: true });
  const ask = async () => {
    const response = await app.handler(new Request("http://guest.test/hello"));
    return (await response.text()).trim();
  };
  for (const [build, answer] of [[bytes, "Hello from rust"], [other, "Hullo from rust"]] as const) {
    for (const options of [undefined, { quickReload: true }]) {
      await (options ? app.reload(build, options) : app.reload(build));
      for (let i = 0; i < 3; i++) assertEquals(await ask(), answer);
    }
  }
});
