import { compileAhead } from "../../engine/ahead.ts";
import { Fastlike } from "../../mod.ts";
import type { CodeCache } from "../../service/util/code_cache.ts";
import { componentLoader } from "../../drivers/components.ts";
import { answerOf } from "../asking.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { withText } from "../guests/other_data.ts";
import { guestUrl } from "../guests/serving.ts";

/** Keeps code in memory, and counts the look-ups that find some. */
class Kept implements CodeCache {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  found = 0;
  #changed = Promise.withResolvers<void>();

  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = this.files.get(key);
    if (file) this.found++;
    return Promise.resolve(file?.slice());
  }

  put(key: string, bytes: readonly Uint8Array<ArrayBuffer>[]): void {
    assert(!this.files.has(key), "what is known is not kept again");
    this.files.set(key, joined(bytes));
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Waits until so many files are kept. */
  async holds(count: number): Promise<void> {
    while (this.files.size < count) await this.#changed.promise;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("a program that is known is not rewritten again, and answers and traps alike", async () => {
  const codeCache = new Kept();
  const traps = [];
  for (const times of [0, 1]) {
    await using app = await Fastlike.load(guestUrl("rust"), { codeCache, errors: "details" });
    await codeCache.holds(1);
    assertEquals(codeCache.found, times);
    assertEquals(await answerOf(app, "/hello"), [200, "Hello from rust\n"]);
    traps.push((await answerOf(app, "/trap")).join().replace(/request [0-9a-f-]+/g, ""));
    assertEquals(await answerOf(app, "/hello"), [200, "Hello from rust\n"]);
  }
  assertEquals(traps[0], traps[1]);
  assert(/wasm-function|\.wasm|core::panicking/.test(traps[0]!), traps[0]);
});

Deno.test("a program that is compiled ahead is digested once, without its data", async () => {
  const bytes = await Deno.readFile(guestUrl("rust"));
  const { subtle } = crypto;
  const digest = subtle.digest.bind(subtle);
  let digests = 0;
  Object.defineProperty(subtle, "digest", {
    configurable: true,
    value: (algorithm: string, data: Uint8Array<ArrayBuffer>) => {
      if (data.length > bytes.length / 2) digests++;
      return digest(algorithm, data);
    },
  });
  try {
    const codeCache = new Kept();
    const programs = await compileAhead(bytes, { codeCache });
    await using _app = await Fastlike.load(bytes, { codeCache, programs });
    await codeCache.holds(1);
    assertEquals(digests, 1);
  } finally {
    Reflect.deleteProperty(subtle, "digest");
  }
});

Deno.test("a build that differs in its data alone is known, and has its own data", async () => {
  const codeCache = new Kept();
  const first = await Deno.readFile(guestUrl("rust"));
  const other = withText(first, "Hello from", "Hullo from");
  for (const [times, build] of [first, other, first].entries()) {
    await using app = await Fastlike.load(build, { codeCache });
    await codeCache.holds(1);
    assertEquals(codeCache.found, times);
    for (let i = 0; i < 2; i++) {
      const word = build === first ? "Hello" : "Hullo";
      assertEquals(await answerOf(app, "/hello"), [200, `${word} from rust\n`]);
    }
  }
});

Deno.test("known code is that of the same limits and the same way of resetting", async () => {
  const codeCache = new Kept();
  const all = [{}, { reuse: "snapshot" }, { reuse: "never" }, {
    limits: { memory: 2 ** 26 },
  }] as const;
  for (const [i, options] of all.entries()) {
    await using _app = await Fastlike.load(guestUrl("rust"), { codeCache, ...options });
    await codeCache.holds(i + 1);
    assertEquals(codeCache.found, 0);
  }
});

Deno.test("the large modules of a component are known one by one", async () => {
  const codeCache = new Kept();
  const options = { codeCache, components: componentLoader };
  const bytes = await Deno.readFile(guestUrl("calls-component"));
  for (const times of [0, 1]) {
    await using _app = await Fastlike.load(bytes, options);
    await codeCache.holds(1);
    assertEquals(codeCache.found, times);
  }
});

Deno.test("of a module that V8 refuses nothing is kept", async () => {
  const codeCache = new Kept();
  const bytes = await Deno.readFile(guestUrl("rust"));
  bytes[bytes.length >> 1]! ^= 0xff; // in the code
  assert(!WebAssembly.validate(bytes));
  for (let i = 0; i < 2; i++) {
    await assertRejects(() => Fastlike.load(bytes, { codeCache }), Error, "Cannot compile");
  }
  assertEquals([codeCache.found, codeCache.files.size], [0, 0]);
});

Deno.test("kept code that cannot be read is made again", async () => {
  for (
    const spoiled of [
      new Uint8Array(),
      new Uint8Array(100),
      new TextEncoder().encode("\x09\0\0\0{wrong}"),
    ]
  ) {
    const files = new Kept();
    const codeCache: CodeCache = { get: () => Promise.resolve(spoiled.slice()), put() {} };
    await using app = await Fastlike.load(guestUrl("rust"), { codeCache });
    assertEquals(await answerOf(app, "/hello"), [200, "Hello from rust\n"]);
    assertEquals(files.files.size, 0);
  }
});
