import { componentLoader } from "../../../drivers/components.ts";
import { Fastlike } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";

const BUILT = new URL("../../../testdata/built/rust-component.wasm", import.meta.url);
const OPTIONS = { components: componentLoader, limits: { cpu_time: 1000 } };

/** Loads bytes that may be no component, and answers one request if they are; returns the error. */
async function fate(bytes: Uint8Array): Promise<string | undefined> {
  let app;
  try {
    app = await Fastlike.load(bytes, OPTIONS);
  } catch (error) {
    assert(error instanceof Error);
    return error.message;
  }
  await using _ = app;
  const response = await app.handler(new Request("http://guest.test/hello"));
  await response.text();
  return undefined;
}

Deno.test("a component that is cut off anywhere is refused in one line", async () => {
  const bytes = await Deno.readFile(BUILT);
  // Behind the core modules each byte counts; within them a few do.
  const places = Array.from({ length: 120 }, (_, i) => Math.floor(bytes.length * i / 120));
  for (const place of [...places, 9, 10, 11, 12, bytes.length - 1, bytes.length - 7]) {
    const message = await fate(bytes.subarray(0, place));
    assert(message !== undefined && !message.includes("\n"), `${place}: ${message}`);
  }
});

Deno.test("a component with wrong bytes is refused in one line, or answers", async () => {
  const bytes = await Deno.readFile(BUILT);
  let seed = 7;
  const next = (below: number) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;
  for (let i = 0; i < 150; i++) {
    const wrong = bytes.slice();
    // Half of them in the structure, which stands before and behind the modules.
    const place = i % 2 ? next(bytes.length) : next(12_000);
    wrong[8 + place % (bytes.length - 8)] = next(256);
    const message = await fate(wrong);
    assert(message === undefined || !message.includes("\n"), `${i}: ${message}`);
  }
});

Deno.test("the cost of nesting and counts in a component is linear", async () => {
  const header = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
  let nested = header;
  for (let i = 0; i < 40; i++) {
    const length = nested.length;
    const size = length < 128 ? [length] : [length & 0x7f | 0x80, length >> 7];
    nested = [...header, 4, ...size, ...nested];
  }
  assertEquals(
    await fate(Uint8Array.from(nested)),
    "Cannot load the program: components are nested too deep",
  );
  // Types of two of the type before: their sizes grow as powers of 2, and so do their values.
  for (const levels of [20, 60]) {
    const types = [levels + 1, 0x6f, 2, 0x77, 0x77];
    for (let i = 0; i < levels; i++) types.push(0x6f, 2, i, i);
    const size = [types.length & 0x7f | 0x80, types.length >> 7];
    const message = await fate(Uint8Array.from([...header, 7, ...size, ...types]));
    assert(message?.includes("types that cannot be: a type is too large"), message);
  }
  // A thousand and one instances of a module in a few bytes each.
  const instances = Array(1001).fill([0, 0, 0]).flat();
  const size = [3005 & 0x7f | 0x80, 3005 >> 7];
  const empty = [1, 8, 0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  assertEquals(
    await fate(Uint8Array.from([...header, ...empty, 2, ...size, 0xe9, 7, ...instances])),
    "Cannot instantiate the program: the component makes more than 1000 instances",
  );
  // A list that says to be longer than the file.
  const long = Uint8Array.from([...header, 7, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]);
  assert((await fate(long))?.startsWith("Cannot load the program: "));
});

Deno.test("a hundred reloads of a component hold no more memory than twenty", async () => {
  const program = new URL("reloads.ts", import.meta.url).pathname;
  const flags = ["run", "-A", "--no-check", "--v8-flags=--expose-gc"];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...flags, program],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const [, left, made, grown] = /^(\d+) of (\d+), (-?\d+) MiB\n$/.exec(text(stdout)) ?? [];
  assertEquals(text(stderr), "");
  assert(Number(made) >= 400, `only ${made} instances of modules were made`);
  assert(Number(left) <= 8, `${left} instances of modules are held`); // 4 for each of the component
  assert(Number(grown) <= 2, `${grown} MiB more are held`);
});
