import { assemble } from "../../cli/wat.ts";
import { Fastlike } from "../../mod.ts";
import { parted, writeImage } from "../../wasm/data_image.ts";
import { layoutOf } from "../../wasm/rewrite/layout.ts";
import { Id, type Writer } from "../../wasm/rewrite/binary.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import * as fc from "../properties.ts";
import { guestUrl } from "../guests/serving.ts";
import { moduleOf } from "./_modules.ts";

const PAGE = 65536;
const MEMORY = '(memory (export "memory") 1 2)';

/** The memory that an instance of a module starts with. */
function memoryOf(bytes: Uint8Array): Uint8Array {
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const { memory } = new WebAssembly.Instance(module).exports;
  return new Uint8Array((memory as WebAssembly.Memory).buffer);
}

function imageOf(bytes: Uint8Array) {
  return parted(layoutOf(bytes))?.image();
}

/** Checks that the host writes the same bytes as V8, and that V8 has none left to write. */
function assertSameMemory(bytes: Uint8Array): void {
  const parts = parted(layoutOf(bytes))!;
  const expected = memoryOf(bytes);
  const memory = new WebAssembly.Memory({ initial: expected.length / PAGE });
  const image = parts.image();
  writeImage(image, memory);
  assertEquals(new Uint8Array(memory.buffer), expected);
  const start = new Uint8Array(expected.length);
  start.set(image.bytes);
  assertEquals(start, expected);
  assert(memoryOf(parts.withoutData()).every((byte) => byte === 0));
}

const module = (fields: string) => assemble("guest.wat", `(module ${fields})`);

Deno.test("the host writes the data of a module as V8 does", async () => {
  const data = [
    "",
    '(data (i32.const 0) "")',
    '(data (i32.const 65536) "")',
    '(data (i32.const 65530) "at end")',
    '(data (i32.const 4090) "across pages") (data (i32.const 40000) "far")',
    '(data (i32.const 10) "first") (data (i32.const 12) "second") (data (i32.const 11) "3")',
    `(data (i32.const 5000) "${"long ".repeat(2000)}") (data (i32.const 4999) "\\00\\00\\00")`,
  ];
  for (const segments of data) {
    assertSameMemory(await module(`(data (i32.const 7) "x") ${MEMORY} ${segments}`));
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ at: fc.nat(PAGE - 300), bytes: fc.uint8Array({ maxLength: 300 }) }), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.boolean(),
      // deno-lint-ignore require-await -- an error rejects
      async (segments, counted) => assertSameMemory(withSegments(segments, counted)),
    ),
    { numRuns: 300 },
  );
});

function withSegments(
  segments: readonly { readonly at: number; readonly bytes: Uint8Array }[],
  counted: boolean,
): Uint8Array {
  const all = (w: Writer) => {
    w.unsigned(segments.length);
    for (const { at, bytes } of segments) {
      w.byte(0, 0x41).signed(at).byte(0x0b).unsigned(bytes.length).raw(bytes);
    }
  };
  return moduleOf(
    [Id.memory, (w) => w.byte(1, 0, 1)],
    [Id.export, (w) => w.byte(1).name("memory").byte(2, 0)],
    ...counted ? [[Id.dataCount, (w: Writer) => w.unsigned(segments.length)] as const] : [],
    [Id.data, all],
  );
}

Deno.test("memory.init of a segment that was written finds it empty", async () => {
  const bytes = await module(
    `${MEMORY} (data $d (i32.const 3) "abc")
     (func (export "init") (param i32 i32) (memory.init $d (i32.const 9) (local.get 0) (local.get 1)))`,
  );
  assertSameMemory(bytes);
  for (const form of [bytes, parted(layoutOf(bytes))!.withoutData()]) {
    const instance = new WebAssembly.Instance(
      new WebAssembly.Module(form as Uint8Array<ArrayBuffer>),
    );
    const init = instance.exports.init as (from: number, count: number) => void;
    init(0, 0);
    for (const [from, count] of [[0, 1], [1, 0]] as const) {
      let message = "no trap";
      try {
        init(from, count);
      } catch (error) {
        message = (error as Error).message;
      }
      assertMatch(message, /out of bounds/);
    }
  }
});

Deno.test("data stays in a module where it is not known to be written, or not to memory alone", async () => {
  const other: Readonly<Record<string, string>> = {
    "no data": MEMORY,
    "a passive segment": `${MEMORY} (data (i32.const 1) "x") (data "passive")`,
    "an address from a global": `(import "m" "g" (global i32)) ${MEMORY} (data (global.get 0) "x")`,
    "behind the end": `${MEMORY} (data (i32.const 65535) "xx")`,
    "nothing behind the end": `${MEMORY} (data (i32.const 65537) "")`,
    "a negative address": `${MEMORY} (data (i32.const -1) "x")`,
    "an imported memory": `(import "m" "m" (memory 1)) (data (i32.const 1) "x")`,
    "a wide memory": `(memory i64 1) (data (i64.const 1) "x")`,
  };
  for (const [name, fields] of Object.entries(other)) {
    assertEquals(imageOf(await module(fields)), undefined, name);
  }
  const ofMemories = (memories: readonly number[], data: readonly number[]) =>
    moduleOf([Id.memory, (w) => w.byte(...memories)], [Id.data, (w) => w.byte(1, ...data)]);
  const atOne = [0x41, 1, 0x0b, 1, 0x78];
  const binary: Readonly<Record<string, Uint8Array>> = {
    "memory 0 by its number": ofMemories([1, 0, 1], [2, 0, ...atOne]),
    "a shared memory": ofMemories([1, 3, 1, 1], [0, ...atOne]),
    "two memories": ofMemories([2, 0, 1, 0, 1], [0, ...atOne]),
    "another memory": ofMemories([2, 0, 1, 0, 1], [2, 1, ...atOne]),
  };
  for (const [name, bytes] of Object.entries(binary)) {
    assert(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>), name);
    assertEquals(imageOf(bytes), undefined, name);
  }
});

Deno.test("a data section that V8 does not accept is not mended", () => {
  const withData = (content: readonly number[], count?: number) =>
    moduleOf(
      [Id.memory, (w) => w.byte(1, 0, 1)],
      ...count === undefined ? [] : [[Id.dataCount, (w: Writer) => w.byte(count)] as const],
      [Id.data, (w) => w.byte(...content)],
    );
  const [CONST, END, X] = [0x41, 0x0b, 0x78];
  const good = [1, 0, CONST, 1, END, 1, X];
  assert(imageOf(withData(good)));
  assert(imageOf(withData(good, 1)));
  const cases: Readonly<Record<string, Uint8Array>> = {
    "another count": withData(good, 2),
    "fewer segments than declared": withData([2, 0, CONST, 1, END, 1, X]),
    "trailing bytes": withData([...good, 0]),
    "a segment that is cut off": withData([1, 0, CONST, 1, END, 2, X]),
    "an unknown kind": withData([1, 3, CONST, 1, END, 1, X]),
    "no end": withData([1, 0, CONST, 1, CONST, 1, X]),
    "another instruction": withData([1, 0, 0x42, 1, END, 1, X]),
    "an over-long address": withData([1, 0, CONST, 0x81, 0x80, 0x80, 0x80, 0x80, 0, END, 1, X]),
    "an address of more bits": withData([1, 0, CONST, 0x81, 0x80, 0x80, 0x80, 0x10, END, 1, X]),
    "an over-long length": withData([1, 0, CONST, 1, END, 0x81, 0x80, 0x80, 0x80, 0x80, 0, X]),
    "a length of more bits": withData([1, 0, CONST, 1, END, 0x81, 0x80, 0x80, 0x80, 0x10, X]),
    "an over-long count": withData([0x81, 0x80, 0x80, 0x80, 0x80, 0, ...good.slice(1)]),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    assert(!WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>), name);
    assertEquals(imageOf(bytes), undefined, name);
  }
  const longest = withData([
    1,
    0,
    CONST,
    0x81,
    0x80,
    0x80,
    0x80,
    0,
    END,
    0x81,
    0x80,
    0x80,
    0x80,
    0,
    X,
  ]);
  assert(WebAssembly.validate(longest as Uint8Array<ArrayBuffer>));
  assert(imageOf(longest));
  const section = (id: number) => [id, (w: Writer) => w.byte(...good)] as const;
  const memory = [Id.memory, (w: Writer) => w.byte(1, 0, 1)] as const;
  const twice = moduleOf(memory, section(Id.data), section(Id.data));
  const early = moduleOf(section(Id.data), memory);
  for (const bytes of [twice, early]) {
    assert(!WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>));
    const rest = parted(layoutOf(bytes))?.withoutData() ?? bytes;
    assert(!WebAssembly.validate(rest as Uint8Array<ArrayBuffer>));
  }
});

Deno.test("the data of guests in all languages is taken out, and equals the data that V8 writes", async () => {
  for (const name of ["rust", "go", "javascript", "assemblyscript"]) {
    const layout = layoutOf(await Deno.readFile(guestUrl(name)));
    const data = parted(layout)!;
    const module = await WebAssembly.compile(layout.bytes as Uint8Array<ArrayBuffer>);
    const imports: WebAssembly.Imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      (imports[from] ??= {})[name] = () => {};
    }
    const expected = (await WebAssembly.instantiate(module, imports)).exports
      .memory as WebAssembly.Memory;
    const memory = new WebAssembly.Memory({ initial: expected.buffer.byteLength / PAGE });
    writeImage(data.image(), memory);
    const [one, other] = [memory, expected].map(({ buffer }) => new BigInt64Array(buffer));
    assert(one!.every((word, i) => word === other![i]), name);
    assert(WebAssembly.validate(data.withoutData() as Uint8Array<ArrayBuffer>), name);
  }
});

Deno.test("builds that differ in their data and their ids are the same module without them", () => {
  const custom = (name: string, content: string) =>
    [Id.custom, (w: Writer) => w.name(name).raw(new TextEncoder().encode(content))] as const;
  const build = (id: string, data: string, name = "go:buildid", function_ = "f") =>
    moduleOf(
      custom(name, id),
      custom("other", "text"),
      [Id.memory, (w) => w.byte(1, 0, 1)],
      [Id.data, (w) => w.byte(1, 0, 0x41, 1, 0x0b).name(data)],
      custom("name", function_),
      custom("build_id", id),
    );
  const first = build("first", "some data");
  const whole = parted(layoutOf(first))!;
  const rest = whole.withoutData();
  assert(WebAssembly.validate(rest));
  assert(whole.isWithoutData(rest));
  assert(parted(layoutOf(build("other", "more data than before")))!.isWithoutData(rest));
  for (
    const other of [
      build("longer", "some data"),
      build("other", "some data", "go:buildix"),
      build("first", "some data", "go:buildid", "g"),
      moduleOf([Id.memory, (w) => w.byte(1, 0, 1)], [Id.data, (w) => w.byte(0)]),
    ]
  ) {
    assert(!parted(layoutOf(other))!.isWithoutData(rest));
    assert(!whole.isWithoutData(parted(layoutOf(other))!.withoutData()));
  }
  // V8 takes no section whose name does not fit in, and any content of others.
  const cut = moduleOf([Id.custom, (w) => w.byte(20).raw(new TextEncoder().encode("go:buildid"))], [
    Id.memory,
    (w) => w.byte(1, 0, 1),
  ], [Id.data, (w) => w.byte(0)]);
  assert(!WebAssembly.validate(cut as Uint8Array<ArrayBuffer>));
  assert(!WebAssembly.validate(parted(layoutOf(cut))!.withoutData()));
});

/** A guest that answers a text of its data, which it then overwrites, as it does a byte of its global's choice. */
function guest(text: string, more = ""): Promise<Uint8Array> {
  return module(
    `(import "fastly_http_resp" "new" (func $resp (param i32) (result i32)))
     (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
     (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
     (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
     ${MEMORY} (data (i32.const 5000) "${text}") ${more}
     (func (export "_start")
       (drop (call $resp (i32.const 0)))
       (drop (call $body (i32.const 4)))
       (drop (call $write (i32.load (i32.const 4)) (i32.const 5000) (i32.const 5) (i32.const 0) (i32.const 8)))
       (i32.store (i32.const 5001) (i32.const 0x5a5a5a5a))
       (drop (call $send (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0))))`,
  );
}

async function answerOf(app: Fastlike): Promise<string> {
  return await (await app.handler(new Request("http://guest.test/"))).text();
}

/** Counts the modules that V8 compiles during a call. */
async function compilations(run: () => Promise<void>): Promise<number> {
  const { compile } = WebAssembly;
  let count = 0;
  WebAssembly.compile = (bytes) => {
    count++;
    return compile(bytes);
  };
  try {
    await run();
  } finally {
    WebAssembly.compile = compile;
  }
  return count;
}

Deno.test("a build that differs in its data alone is reloaded without compiling, and answers with its data", async () => {
  const [first, second, third] = await Promise.all([
    guest("first"),
    guest("other", '(data (i32.const 9) "more")'),
    guest("third", "(func)"),
  ]);
  for (const reuse of ["auto", "dirty-pages", "snapshot", "never"] as const) {
    const options = { quickReload: true, reuse };
    await using app = await Fastlike.load(first, options);
    const answers = async (text: string) => {
      for (let i = 0; i < 3; i++) assertEquals(await answerOf(app), text, reuse);
    };
    await answers("first");
    assertEquals(await compilations(() => app.reload(second, options)), 0, reuse);
    await answers("other");
    assertEquals(await compilations(() => app.reload(first)), 0, reuse);
    await answers("first");
    // Other code, and other terms, are compiled.
    assert(await compilations(() => app.reload(third, options)));
    await answers("third");
    assert(
      await compilations(() => app.reload(third, { ...options, limits: { memory: 2 ** 20 } })),
    );
    await answers("third");
  }
});

Deno.test("a build that differs in its data alone is refused like others", async () => {
  const small = (size: number) =>
    module(
      `(memory (export "memory") 40) (data (i32.const 1) "${
        "x".repeat(size)
      }") (func (export "_start"))`,
    );
  const options = { quickReload: true };
  await using app = await Fastlike.load(await small(1), options);
  let message = "";
  const limits = { memory: 2 ** 20 };
  await app.reload(await small(2), { ...options, limits }).catch((error) =>
    message = error.message
  );
  assertMatch(message, /it starts with 2\.5 MiB of memory/);
});

Deno.test("data is there when a start function runs, and its writes are kept", async () => {
  const start =
    `(func $start (i32.store8 (i32.const 5004) (i32.add (i32.const 1) (i32.load8_u (i32.const 5000))))) (start $start)`;
  for (const limits of [{}, { cpu_time: Infinity }]) {
    for (const reuse of ["auto", "snapshot", "never"] as const) {
      const options = { quickReload: true, reuse, limits };
      await using app = await Fastlike.load(await guest("abcde", start), options);
      for (let i = 0; i < 3; i++) assertEquals(await answerOf(app), "abcdb");
      await app.reload(await guest("bcdef", start), options);
      for (let i = 0; i < 3; i++) assertEquals(await answerOf(app), "bcdec");
    }
  }
});
