/**
 * Contract of a driver of KV stores by itself.
 *
 * @module
 */
import { type ByteSource, collect, concat, type Payload } from "../../../../service/http/bytes.ts";
import type { KvDriver, KvRecord } from "../../../../service/stores/kv/driver.ts";
import { assert, assertEquals } from "../../../assert.ts";

/** A driver without records, for one test. */
export interface OpenDriver extends AsyncDisposable {
  readonly driver: KvDriver;
}

const encoder = new TextEncoder();

/** In UTF-8. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

function isSame(whole: Uint8Array, value: readonly Uint8Array[]): boolean {
  const expected = concat(value);
  return whole.length === expected.length && whole.every((byte, i) => byte === expected[i]);
}

function record(text: string, generation: bigint, expires?: number): KvRecord {
  return { value: [bytes(text)], metadata: `about ${text}`, generation, expires };
}

/** All of a value that was found. */
export async function text(value: Payload): Promise<string> {
  return new TextDecoder().decode(await collect(value));
}

/** Runs the contract over a driver. */
export function driverContract(title: string, open: () => Promise<OpenDriver>): void {
  Deno.test(`${title}: a record is there, whole, until it is deleted`, async () => {
    await using opened = await open();
    const { driver } = opened;
    assertEquals(await driver.get("a"), undefined);
    const value = [bytes("one"), Uint8Array.from({ length: 256 }, (_, i) => i)];
    const record = { value, metadata: "mé\0ta", generation: 2n ** 64n - 1n, expires: 12.5 };
    assertEquals(await driver.set("a", record, "any"), true);
    const { value: read, ...rest } = (await driver.get("a"))!;
    assertEquals(rest, { metadata: "mé\0ta", generation: 2n ** 64n - 1n, expires: 12.5 });
    assertEquals([...await collect(read)], value.flatMap((piece) => [...piece]));
    assertEquals(await driver.delete("a", 2n ** 64n - 1n), true);
    assertEquals(await driver.get("a"), undefined);
    assertEquals(await driver.delete("a", 2n ** 64n - 1n), false);
  });

  Deno.test(`${title}: an empty value is one`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const empty = { value: [], metadata: "", generation: 1n, expires: undefined };
    await driver.set("a", empty, "any");
    const read = (await driver.get("a"))!;
    assertEquals([await text(read.value), read.metadata, read.expires], ["", "", undefined]);
  });

  Deno.test(`${title}: a record is written only if the present one is as expected`, async () => {
    await using opened = await open();
    const { driver } = opened;
    assertEquals(await driver.set("a", record("1", 1n), 1n), false);
    assertEquals(await driver.get("a"), undefined);
    assertEquals(await driver.set("a", record("1", 1n), "none"), true);
    assertEquals(await driver.set("a", record("2", 2n), "none"), false);
    assertEquals(await driver.set("a", record("2", 2n), 3n), false);
    assertEquals(await text((await driver.get("a"))!.value), "1");
    assertEquals(await driver.set("a", record("2", 2n), 1n), true);
    assertEquals(await driver.delete("a", 1n), false);
    assertEquals(await text((await driver.get("a"))!.value), "2");
  });

  Deno.test(`${title}: no record is written over one of its own generation or a later one`, async () => {
    await using opened = await open();
    const { driver } = opened;
    assertEquals(await driver.set("a", record("1", 7n), "any"), true);
    assertEquals(await driver.set("a", record("2", 7n), "any"), false);
    assertEquals(await driver.set("a", record("2", 7n), 7n), false);
    assertEquals(await driver.set("a", record("2", 6n), "any"), false);
    assertEquals(await driver.set("a", record("2", 6n), 7n), false);
    assertEquals(await text((await driver.get("a"))!.value), "1");
    assertEquals(await driver.set("b", record("2", 7n), "any"), true);
  });

  Deno.test(`${title}: a value of many pieces is there whole, also where a short one was`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const value = Array.from({ length: 5 }, (_, i) => new Uint8Array(1_500_000).fill(i + 1));
    const big = { value, metadata: "", generation: 2n, expires: undefined };
    await driver.set("a", record("1", 1n), "any");
    await driver.set("a", big, 1n);
    const sums = new Map<number, number>();
    for (const byte of await collect((await driver.get("a"))!.value)) {
      sums.set(byte, (sums.get(byte) ?? 0) + 1);
    }
    assertEquals([...sums], [1, 2, 3, 4, 5].map((byte) => [byte, 1_500_000]));
    await driver.set("a", record("3", 3n), 2n);
    assertEquals(await text((await driver.get("a"))!.value), "3");
  });

  Deno.test(`${title}: a value is read to its end, whatever happens to its record`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const value = (salt: number) => [1, 2, 3].map((i) => new Uint8Array(1_500_000).fill(salt + i));
    const big = (generation: bigint, salt = 0) => ({
      value: value(salt),
      metadata: "",
      generation,
      expires: undefined,
    });
    await driver.set("a", big(1n), "any");
    const found = async () => (await driver.get("a"))!.value;
    const readers = [await found(), await found()];
    const begun = await found() as ByteSource;
    const first = await begun.read();
    await driver.set("a", big(2n, 10), "any");
    const second = await found();
    const given = await found() as ByteSource;
    await driver.delete("a", 2n);
    assertEquals(await driver.get("a"), undefined);
    assertEquals(await driver.list("", undefined, 10), []);
    await driver.set("a", record("3", 3n), "none");
    given.cancel();
    assertEquals(await given.read(), undefined);
    for (const reader of readers) assert(isSame(await collect(reader), value(0)));
    assert(isSame(concat([first!, await collect(begun)]), value(0)));
    assert(isSame(await collect(second), value(10)));
    assertEquals(await text(await found()), "3");
  });

  Deno.test(`${title}: a big value comes in pieces, and its length is known from the first`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const value = Array.from({ length: 20 }, (_, i) => new Uint8Array(2 ** 20).fill(i));
    await driver.set("a", { value, metadata: "", generation: 1n, expires: undefined }, "any");
    const source = (await driver.get("a"))!.value;
    assert(!(source instanceof Uint8Array));
    let left = 20 * 2 ** 20;
    for (let chunk; (chunk = await source.read());) {
      assert(chunk.length <= 2 ** 20);
      assertEquals(source.length, left -= chunk.length);
    }
    assertEquals(source.length, 0);
  });

  Deno.test(`${title}: keys differ byte by byte, and listed in the order of UTF-8`, async () => {
    await using opened = await open();
    const { driver } = opened;
    const keys = [
      "A",
      "a",
      "a\0",
      "a/",
      "aa",
      "b",
      "é",
      "e\u0301",
      "\uffff!",
      "\u{1f600}",
      "%",
      "_",
    ];
    for (const [i, key] of keys.entries()) {
      await driver.set(key, record(key, BigInt(i + 1), i || undefined), "none");
    }
    const listed = await driver.list("", undefined, 100);
    assertEquals(listed.map(({ key }) => key), [...keys].sort(asUtf8));
    for (const { key, expires } of listed) assertEquals(expires, keys.indexOf(key) || undefined);
    const page = async (prefix: string, after: string | undefined, limit: number) =>
      (await driver.list(prefix, after, limit)).map(({ key }) => key);
    assertEquals(await page("a", undefined, 2), ["a", "a\0"]);
    assertEquals(await page("a", "a\0", 100), ["a/", "aa"]);
    assertEquals(await page("a", "A", 1), ["a"]);
    assertEquals(await page("a", "b", 100), []);
    assertEquals(await page("_", undefined, 100), ["_"]);
    assertEquals(await page("%", undefined, 100), ["%"]);
    assertEquals(await page("nothing", undefined, 100), []);
  });

  Deno.test(`${title}: a sweep deletes old entries that have expired, those first that expired first`, async () => {
    await using opened = await open();
    const { driver } = opened;
    if (!driver.sweep) return;
    const sweep = driver.sweep.bind(driver);
    const written = (ms: number) => BigInt(ms) * 1000n;
    const records: Record<string, [generation: bigint, expires: number | undefined]> = {
      expired3: [written(100), 3_000],
      expired1: [written(100), 1_000],
      expired2: [written(100), 2_000.5],
      deletedLater: [written(5_000), 0],
      later: [written(100), 4_000],
      lasting: [1n, undefined],
      rewritten: [written(100), 1_500],
    };
    for (const [key, [generation, expires]] of Object.entries(records)) {
      await driver.set(key, record(key, generation, expires), "none");
    }
    await driver.set("rewritten", record("again", written(200), undefined), "any");
    const keys = async () => (await driver.list("", undefined, 100)).map(({ key }) => key);
    assertEquals(await sweep(999, 10), 0);
    assertEquals(await sweep(3_999, 1), 1);
    assertEquals(await driver.get("expired1"), undefined);
    assertEquals(await sweep(3_999, 10), 2);
    assertEquals(await keys(), ["deletedLater", "lasting", "later", "rewritten"]);
    assertEquals(await sweep(5_000, 10), 2);
    assertEquals(await sweep(Number.MAX_SAFE_INTEGER, 10), 0);
    assertEquals(await keys(), ["lasting", "rewritten"]);
    assertEquals(await text((await driver.get("rewritten"))!.value), "again");
  });

  Deno.test(`${title}: a value that is read while a sweep deletes it is read to its end`, async () => {
    await using opened = await open();
    const { driver } = opened;
    if (!driver.sweep) return;
    const value = [new Uint8Array(3 << 20).fill(7)];
    await driver.set("a", { value, metadata: "", generation: 1n, expires: 1 }, "any");
    const found = (await driver.get("a"))!;
    assertEquals(await driver.sweep(2, 10), 1);
    assertEquals(await driver.get("a"), undefined);
    assert(isSame(await collect(found.value), value));
  });
}

/** Orders as UTF-8 does. */
export function asUtf8(a: string, b: string): number {
  const [left, right] = [bytes(a), bytes(b)];
  const at = left.findIndex((byte, i) => byte !== right[i]);
  return at < 0 ? left.length - right.length : left[at]! - (right[at] ?? -1);
}
