/**
 * What every driver of caches must do, and what a cache over it does: `cacheContract` runs it all for one driver.
 *
 * @module
 */
import fc from "npm:fast-check@4.10.2";
import { collect, concat } from "../../service/bytes.ts";
import { Cache } from "../../service/cache/cache.ts";
import type { CacheContent } from "../../service/cache/content.ts";
import type { CacheDriver, CacheRecord } from "../../service/cache/driver.ts";
import type { Found, WriteOptions } from "../../service/cache/object.ts";
import type { Inserted } from "../../service/cache/outcome.ts";
import { HeaderList } from "../../service/headers.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { NONE, outcomeOf, type Saying, written } from "./_cache.ts";

/** A driver without objects, for one test. */
export interface OpenCacheDriver extends AsyncDisposable {
  readonly driver: CacheDriver;
  /** Ends this driver, and gives one that the next start would have. */
  reopen(): Promise<CacheDriver>;
}

type Open = () => Promise<OpenCacheDriver>;

const MIB = 1 << 20;

function record(place: string, more: Partial<CacheRecord> = {}): CacheRecord {
  const surrogateKeys = new Set(more.surrogateKeys ?? []);
  return { place, head: `of ${place}`, length: 1, hits: 0, purged: false, ...more, surrogateKeys };
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function heads(driver: CacheDriver): string[] {
  return driver.load().map(({ head }) => head);
}

/** Runs the contract over a driver. */
export function cacheContract(title: string, open: Open): void {
  driverContract(title, open);
  persistenceContract(title, open);
  spillContract(title, open);
  propertyContract(title, open);
}

function driverContract(title: string, open: Open): void {
  Deno.test(`${title}: what is put is there at the next start, in the order of the puts`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const head = 'é "quoted" \u{1f600} \\u0000';
    const a = driver.put(record("a", { head, hits: 3, purged: true, length: 5 }), undefined, [
      bytes(1, 2),
      bytes(3),
    ])!;
    const b = driver.put(record("b", { length: 0 }), undefined, [])!;
    assert(a !== b);
    driver.put(record("a", { head, hits: 4, purged: true, length: 5 }), a, [bytes(4, 5)]);
    const again = await opened.reopen();
    const [first, second, ...rest] = again.load();
    assertEquals([first!.content, first!.head, first!.hits, first!.purged], [b, "of b", 0, false]);
    assertEquals([second!.content, second!.head, second!.hits], [a, head, 4]);
    assertEquals([second!.purged, second!.length, first!.length, rest.length], [true, 5, 0, 0]);
    assert(second!.used > first!.used);
    const pieces = [0, 1, 2, 3].map((piece) => again.read(a, piece));
    assertEquals(pieces, [bytes(1, 2), bytes(3), bytes(4, 5), undefined]);
  });

  Deno.test(`${title}: a content is there until it is freed, but no object before it is put`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const id = driver.append(undefined, [bytes(1)]);
    assertEquals(driver.append(id, [bytes(2), bytes(3)]), id);
    assertEquals([driver.read(id, 2), driver.has(id), heads(driver)], [bytes(3), true, []]);
    assertEquals(driver.put(record("a"), id, []), id);
    assertEquals(heads(driver), ["of a"]);
    driver.hide(id);
    assertEquals([heads(driver), driver.read(id, 0)], [[], bytes(1)]);
    driver.free([id, id + 1000]);
    assertEquals([driver.has(id), driver.read(id, 0)], [false, undefined]);
    const other = driver.append(undefined, [bytes(9)]);
    assert(other !== id, "a number is used once");
  });

  Deno.test(`${title}: there is one object at a place, and the one before it can still be read`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const one = driver.put(record("a", { head: "one" }), undefined, [bytes(1)])!;
    const other = driver.put(record("a", { head: "other" }), undefined, [bytes(2)])!;
    assertEquals([heads(driver), driver.read(one, 0)], [["other"], bytes(1)]);
    driver.put(record("b", { head: "moved" }), other, []);
    assertEquals(heads(driver), ["moved"]);
    driver.put(record("a", { head: "back" }), one, []);
    assertEquals(heads(driver), ["moved", "back"]);
    driver.free([other]);
    assertEquals(heads(driver), ["back"]);
  });

  Deno.test(`${title}: what was freed cannot be put, and nothing is done then`, async () => {
    await using opened = await open();
    const { driver } = opened;
    driver.put(record("a"), undefined, [bytes(1)]);
    const id = driver.put(record("b"), undefined, [bytes(1)])!;
    driver.free([id]);
    assertEquals(driver.put(record("a", { head: "new" }), id, [bytes(2)]), undefined);
    assertEquals([heads(driver), driver.has(id)], [["of a"], false]);
  });

  Deno.test(`${title}: a purge is of the objects that have the key now`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const a = driver.put(record("a", { surrogateKeys: new Set(["x", "y"]) }), undefined, [])!;
    driver.put(record("b", { surrogateKeys: new Set(["y"]) }), undefined, []);
    driver.put(record("c", { surrogateKeys: new Set(["X", "x y"]) }), undefined, []);
    driver.purge("y", true);
    driver.purge("none", false);
    assertEquals(driver.load().map(({ purged }) => purged), [true, true, false]);
    driver.put(record("a", { surrogateKeys: new Set(["z"]) }), a, []);
    driver.purge("x", false);
    const again = await opened.reopen();
    assertEquals(heads(again), ["of b", "of c", "of a"]);
    again.purge("z", false);
    again.purge("y", false);
    assertEquals(heads(await opened.reopen()), ["of c"]);
  });

  Deno.test(`${title}: hits are noted, and the order of the uses`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const ids = ["a", "b", "c"].map((place) => driver.put(record(place), undefined, [])!);
    driver.use(new Map([[ids[1]!, 7], [999_999, 1], [ids[0]!, 2]]));
    const kept = (await opened.reopen()).load();
    assertEquals(kept.map(({ hits }) => hits), [2, 7, 0]);
    const byUse = [...kept].sort((one, other) => one.used - other.used);
    assertEquals(byUse.map(({ head }) => head), ["of c", "of b", "of a"]);
  });
}

/** A cache over a driver, on a clock to set, and the next one after a restart. */
class Bench {
  now = 1_000_000_000;
  cache: Cache;
  readonly #opened: OpenCacheDriver | undefined;
  readonly #most: number;

  constructor(opened: OpenCacheDriver | undefined, most = 64 * MIB) {
    this.#opened = opened;
    this.#most = most;
    this.cache = new Cache(most, () => this.now, opened?.driver);
  }

  /** @param killed Whether the process had no time to end. */
  async restart(killed = false): Promise<void> {
    if (!this.#opened) return;
    if (!killed) this.cache.close();
    this.cache = new Cache(this.#most, () => this.now, await this.#opened.reopen());
  }

  begin(key: string, more: Partial<WriteOptions> & { say?: Saying; headers?: HeaderList } = {}) {
    const { say, headers = NONE, ...options } = more;
    return this.cache.insert(key, headers, { ...written(say), ...options });
  }

  store(key: string, content: Uint8Array, more?: Parameters<Bench["begin"]>[1]): Inserted {
    const inserted = this.begin(key, more);
    if (content.length) inserted.content.write(content);
    inserted.content.finish();
    return inserted;
  }

  find(key: string, headers: HeaderList = NONE): Found | undefined {
    return this.cache.lookup(key, headers);
  }

  async text(key: string, headers?: HeaderList): Promise<string | undefined> {
    const found = this.find(key, headers);
    return found && new TextDecoder().decode(await bodyOf(found));
  }
}

function bodyOf(found: Found, from?: number, to?: number): Promise<Uint8Array> {
  return collect(found.object.content.read(from, to));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** Content of which every byte tells where it is. */
function big(length: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + (i >> 12) + salt;
  return bytes;
}

function fields(...values: string[]): HeaderList {
  const headers = new HeaderList();
  for (const value of values) headers.append("x-variant", value);
  return headers;
}

function persistenceContract(title: string, open: Open): void {
  Deno.test(`${title}: an object is found again after a restart as it was`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    const say = { maxAge: 100, swr: 50, age: 7, keys: ["x"], vary: "x-variant" };
    const key = "ÿ\0\ud800 key";
    const userMetadata = Uint8Array.from({ length: 256 }, (_, i) => i);
    bench.store(key, text("one"), { say, headers: fields("1", "é"), userMetadata });
    bench.store(key, text("two"), { say, headers: fields("2") });
    bench.store("other", text("three"));
    for (let i = 0; i < 3; i++) bench.find(key, fields("1", "é"));
    await Promise.resolve();
    bench.now += 20_000;
    await bench.restart(true);
    const found = bench.find(key, fields("1", "é"))!;
    assertEquals([found.hits, found.phase, found.length], [4, "fresh", 3]);
    assertEquals(found.object.age, 27_000_000_000n);
    const { lifetime, userMetadata: metadata, varyRule, surrogateKeys } = found.object.options;
    assertEquals(lifetime.staleWhileRevalidate, 50_000_000_000n);
    assertEquals([metadata, varyRule, surrogateKeys], [
      userMetadata,
      ["x-variant"],
      new Set(["x"]),
    ]);
    assertEquals(await bench.text(key, fields("1", "é")), "one");
    assertEquals(await bench.text(key, fields("2")), "two");
    assertEquals(await bench.text(key, fields("1")), undefined);
    assertEquals(await bench.text("other"), "three");
    bench.now += 80_000;
    await bench.restart();
    assertEquals(bench.find(key, fields("2"))!.phase, "stale");
    assertEquals(bench.find("other"), undefined);
  });

  Deno.test(`${title}: fields of the options that the cache does not know are kept, too`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    const extra = { mark: { until: 12n, codes: new Set([200]), nested: [bytes(1)] } };
    bench.store("a", text("1"), extra as Partial<WriteOptions>);
    await bench.restart();
    const { mark } = bench.find("a")!.object.options as unknown as typeof extra;
    assertEquals(mark, extra.mark);
  });

  Deno.test(`${title}: what was not complete does not come back, and what it was to replace does`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    bench.store("a", text("old"));
    bench.begin("a").content.write(text("ne"));
    bench.begin("b").content.write(text("ne"));
    bench.begin("c").content.write(big(2 * MIB));
    await bench.restart(true);
    assertEquals([await bench.text("a"), bench.find("b"), bench.find("c")], [
      "old",
      undefined,
      undefined,
    ]);
    const { content } = bench.begin("a");
    content.write(text("ne"));
    content.abort(new Error("The guest has ended"));
    await bench.restart(true);
    assertEquals(bench.find("a"), undefined);
  });

  Deno.test(`${title}: a purge is there to stay, a soft one too`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    for (const key of ["a", "b", "c"]) {
      bench.store(key, text(key), { say: { swr: 60, keys: [key, "all"] } });
    }
    assertEquals([bench.cache.purge("a", false), bench.cache.purge("b", true)], [1, 1]);
    await bench.restart(true);
    const phases = ["a", "b", "c"].map((key) => bench.find(key)?.phase);
    assertEquals(phases, [undefined, "stale", "fresh"]);
    assertEquals(bench.cache.purge("all", false), 2);
    await bench.restart(true);
    assertEquals([bench.find("b"), bench.find("c")], [undefined, undefined]);
  });

  Deno.test(`${title}: an object that is replaced by force is not there, whatever comes of it`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    bench.store("a", text("1"));
    outcomeOf(bench.cache.replace("a", NONE, "immediate-force-miss"));
    await Promise.resolve();
    await bench.restart(true);
    assertEquals(bench.find("a"), undefined);
  });

  Deno.test(`${title}: what is sensitive is never kept, nor what it replaces`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    bench.store("a", text("public"));
    bench.store("a", big(2 * MIB), { sensitive: true });
    bench.store("b", big(2 * MIB));
    bench.now += 61_000;
    bench.store("c", text("public"), { say: { maxAge: 0, swr: 60 } });
    const { obligation } = outcomeOf(bench.cache.transaction("c", NONE));
    obligation!.update({ ...written(), sensitive: true });
    assertEquals(await bench.text("c"), "public");
    await Promise.resolve();
    await bench.restart(true);
    assertEquals(["a", "b", "c"].map((key) => bench.find(key)), [undefined, undefined, undefined]);
  });

  Deno.test(`${title}: a long object that turns out to be sensitive is in memory from then on`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    for (const [key, whole] of [["a", true], ["b", false]] as const) {
      const { content } = bench.begin(key, { say: { maxAge: 0, swr: 60 } });
      content.write(big(1.5 * MIB));
      if (whole) content.finish();
      const { obligation } = outcomeOf(bench.cache.transaction(key, NONE));
      obligation!.update({ ...written(), sensitive: true });
      content.write(big(1.5 * MIB, 1));
      content.finish();
      assertEquals(content.shelved, false);
      await Promise.resolve();
      assertEquals(opened.driver.load(), []);
      const expected = whole ? big(1.5 * MIB) : concat([big(1.5 * MIB), big(1.5 * MIB, 1)]);
      assert(isSame(await bodyOf(bench.find(key)!), expected));
    }
  });

  Deno.test(`${title}: an update has the content at its new place, and nothing at the old one`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    for (const length of [3, 2 * MIB]) {
      bench.store("a", big(length), { say: { maxAge: 0, swr: 60 }, headers: fields("1") });
      const { obligation } = outcomeOf(bench.cache.transaction("a", fields("1")));
      obligation!.update(written({ vary: "x-variant", keys: ["x"] }));
      await Promise.resolve();
      await bench.restart(true);
      assertEquals(bench.find("a", fields("2")), undefined);
      const found = bench.find("a", fields("1"))!;
      assertEquals([found.phase, found.hits], ["fresh", 2]);
      assert(isSame(await bodyOf(found), big(length)));
      assertEquals(bench.cache.purge("x", false), 1);
    }
  });

  Deno.test(`${title}: what has expired is taken out, at the start and later`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    bench.store("a", text("1"), { say: { maxAge: 10 } });
    bench.store("b", text("1"), { say: { maxAge: 100 } });
    bench.now += 10_000;
    await bench.restart();
    assertEquals((await opened.reopen()).load().length, 1);
    await bench.restart();
    bench.now += 100_000;
    bench.store("c", text("1"));
    await Promise.resolve();
    assertEquals((await opened.reopen()).load().length, 1);
  });

  Deno.test(`${title}: the bound is of what is kept, too, and the least recently used goes first`, async () => {
    await using opened = await open();
    const bench = new Bench(opened, 10 * MIB);
    for (let i = 0; i < 20; i++) {
      bench.store(`${i}`, big(1.5 * MIB, i));
      bench.find("0");
      await Promise.resolve();
    }
    const total = () => opened.driver.load().reduce((sum, { length }) => sum + length, 0);
    assert(total() <= 10 * MIB, `${total()} bytes are kept`);
    await bench.restart(true);
    const there = Array.from({ length: 20 }, (_, i) => i).filter((i) => bench.find(`${i}`));
    assertEquals(there, [0, 15, 16, 17, 18, 19]);
    bench.find("15");
    await bench.restart();
    bench.store("new", big(1.5 * MIB));
    assert(bench.find("15") && !bench.find("0"), "the order of the uses is kept");
  });
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function spillContract(title: string, open: Open): void {
  Deno.test(`${title}: a long body is not in memory, and is read by pieces, ranges too`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    const whole = big(3 * MIB + 77);
    const { content, found } = bench.begin("a", { say: { length: whole.length } });
    const early = collect(content.read());
    for (let at = 0; at < whole.length; at += 100_000) {
      content.write(whole.slice(at, at + 100_000));
    }
    assert(content.shelved);
    content.finish();
    assert(isSame(await early, whole));
    for (let i = 0; i < 2; i++) {
      const source = (i ? bench.find("a")! : found).object.content.read();
      assert(!(source instanceof Uint8Array) && source.length === whole.length);
      for (const [from, to] of [[0, 1], [262_143, 262_145], [1_048_575, 3_000_000]] as const) {
        const part = await bodyOf(bench.find("a")!, from, to);
        assert(isSame(part, whole.subarray(from, to)), `${from} to ${to}`);
      }
      assert(isSame(await bodyOf(bench.find("a")!, 3 * MIB), whole.subarray(3 * MIB)));
      await bench.restart(i === 0);
    }
  });

  Deno.test(`${title}: who has found a long object reads on when it has left the cache`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    bench.store("a", big(2 * MIB), { say: { keys: ["x"] } });
    const reading = bench.find("a")!.object.content.read();
    assert(!(reading instanceof Uint8Array));
    const first = await reading.read();
    const opensLate = bench.find("a")!;
    bench.store("a", big(2 * MIB, 1), { say: { keys: ["x"] } });
    const second = bench.find("a")!;
    bench.cache.purge("x", false);
    bench.now += 9_000;
    assert(isSame(await bodyOf(opensLate), big(2 * MIB)));
    bench.now += 2_000;
    const rest = await collect(reading);
    assert(isSame(concat([first!, rest]), big(2 * MIB)));
    bench.cache.purge("x", false);
    bench.store("b", text("1"));
    bench.cache.purge("none", false);
    await bench.restart();
    assertEquals(opened.driver.load().length, 1);
    await assertRejects(() => bodyOf(second), Error, "Cannot read on in a cached object");
  });

  Deno.test(`${title}: an object that is longer than the bound takes no room, unless it is read along`, async () => {
    await using opened = await open();
    const bench = new Bench(opened, 4 * MIB);
    const { content } = bench.begin("a");
    const write = (content: CacheContent) => {
      for (let i = 0; i < 8; i++) content.write(big(MIB, i));
      content.finish();
    };
    write(content);
    await Promise.resolve();
    const next = opened.driver.append(undefined, []);
    const there = Array.from({ length: next }, (_, i) => opened.driver.has(i));
    assert(there.every((has) => !has), "nothing is left of it");
    await assertRejects(() => collect(content.read()), Error, "Cannot read on");
    const { content: other } = bench.begin("a");
    const reading = collect(other.read());
    write(other);
    const whole = concat(Array.from({ length: 8 }, (_, i) => big(MIB, i)));
    assert(isSame(await reading, whole));
    assertEquals(opened.driver.load(), []);
  });

  Deno.test(`${title}: an object that another process has taken away is a miss`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    bench.store("short", text("1"));
    bench.store("long", big(2 * MIB));
    await bench.restart();
    bench.store("mine", text("1"), { say: { maxAge: 0, swr: 60 } });
    opened.driver.free(opened.driver.load().map(({ content }) => content));
    assertEquals([bench.find("short"), bench.find("long")], [undefined, undefined]);
    const { obligation } = outcomeOf(bench.cache.transaction("long", NONE));
    obligation!.insert(written()).content.finish();
    const { found, obligation: update } = outcomeOf(bench.cache.transaction("mine", NONE));
    assertEquals(found!.phase, "stale");
    update!.update(written());
    await bench.restart();
    assertEquals([await bench.text("long"), await bench.text("mine")], ["", "1"]);
  });
}

/** What a program does, or what happens to it. */
type Step =
  & { readonly key: string; readonly variant: string }
  & (
    | { readonly do: "insert"; readonly length: number; readonly say: Saying }
    | { readonly do: "update"; readonly say: Saying }
    | { readonly do: "lookup" | "force" | "restart" | "kill" }
    | { readonly do: "purge" | "soft"; readonly surrogate: string }
    | { readonly do: "pass"; readonly seconds: number }
  );

function stepsOf(clockGoes: boolean): fc.Arbitrary<Step[]> {
  const say = fc.record({
    maxAge: clockGoes ? fc.constantFrom(0, 5, 60) : fc.constant(60),
    swr: fc.constantFrom(0, 30),
    sie: fc.constantFrom(0, 60),
    age: fc.constantFrom(0, 3),
    vary: fc.constantFrom("", "x-variant", "x-other x-variant"),
    keys: fc.subarray(["x", "y"]),
  });
  const place = { key: fc.constantFrom("a", "b", "c"), variant: fc.constantFrom("1", "2") };
  const step = (fields: Record<string, unknown>) =>
    fc.record({ ...place, ...fields } as Record<string, fc.Arbitrary<unknown>>);
  const length = fc.constantFrom(0, 10, 300_000, 1.2 * MIB);
  const surrogate = fc.constantFrom("x", "y");
  const choices = [
    { weight: 5, arbitrary: step({ do: fc.constant("insert"), length, say }) },
    { weight: 3, arbitrary: step({ do: fc.constant("update"), say }) },
    { weight: 5, arbitrary: step({ do: fc.constant("lookup") }) },
    { weight: 2, arbitrary: step({ do: fc.constantFrom("force", "restart", "kill") }) },
    { weight: 1, arbitrary: step({ do: fc.constantFrom("purge", "soft"), surrogate }) },
    ...clockGoes
      ? [{ weight: 2, arbitrary: step({ do: fc.constant("pass"), seconds: fc.nat(40) }) }]
      : [],
  ];
  return fc.array(fc.oneof(...choices), { minLength: 5, maxLength: 40 }) as fc.Arbitrary<Step[]>;
}

/** Does a step, and tells all that can be seen of it. */
async function answer(bench: Bench, step: Step, salt: number): Promise<unknown> {
  const headers = fields(step.variant);
  switch (step.do) {
    case "insert":
      bench.store(step.key, new Uint8Array(step.length).fill(salt), { say: step.say, headers });
      return "inserted";
    case "update": {
      const { found, obligation } = outcomeOf(bench.cache.transaction(step.key, headers));
      if (found) obligation?.update(written(step.say));
      else obligation?.cancel();
      return [found && await told(found), obligation !== undefined];
    }
    case "lookup": {
      const found = bench.find(step.key, headers);
      await Promise.resolve();
      return found && await told(found);
    }
    case "force": {
      const { found, obligation } = outcomeOf(
        bench.cache.replace(step.key, headers, "immediate-force-miss"),
      );
      obligation?.cancel();
      return found && await told(found);
    }
    case "purge":
    case "soft":
      // How many is not told: what has expired counts until it is taken out.
      return void bench.cache.purge(step.surrogate, step.do === "soft");
    case "pass":
      return void (bench.now += step.seconds * 1000);
    default:
      await Promise.resolve();
      return await bench.restart(step.do === "kill");
  }
}

async function told(found: Found): Promise<unknown> {
  const { object, phase, hits, length } = found;
  const content = await bodyOf(found);
  assert(content.every((byte) => byte === content[0]));
  return [phase, hits, length, content.length, content[0], `${object.age}`, object.purged];
}

function propertyContract(title: string, open: Open): void {
  // What has expired takes no room after a restart, so bounds are compared on a clock that stands.
  for (
    const [what, most, clockGoes] of [["time", 64 * MIB, true], [
      "a bound",
      4 * MIB,
      false,
    ]] as const
  ) {
    Deno.test(`${title}: with ${what}, restarts change nothing that a program sees`, async () => {
      await fc.assert(
        fc.asyncProperty(stepsOf(clockGoes), async (steps) => {
          await using opened = await open();
          const [kept, plain] = [new Bench(opened, most), new Bench(undefined, most)];
          for (const [i, step] of steps.entries()) {
            const answers = [await answer(kept, step, i), await answer(plain, step, i)];
            assertEquals(answers[0], answers[1], `step ${i}: ${JSON.stringify(step)}`);
          }
        }),
        { numRuns: 40 },
      );
    });
  }
}
