/**
 * A cache on a clock that tests set.
 *
 * @module
 */
import { Cache } from "../../../service/cache/cache.ts";
import type { FoundObject, WriteOptions } from "../../../service/cache/object.ts";
import type { LookupResult, PendingLookup } from "../../../service/cache/lookup_result.ts";
import { parseVaryRule } from "../../../service/cache/vary.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { assert } from "../../assert.ts";

export const SECOND = 1_000_000_000n;
export const NONE = new HeaderList();

/** Options of an object in a test: seconds, and names separated by spaces. */
export interface Saying {
  readonly maxAge?: number;
  readonly swr?: number;
  readonly sie?: number;
  readonly age?: number;
  readonly vary?: string;
  readonly keys?: readonly string[];
  readonly length?: number;
}

export function written(
  { maxAge = 60, swr = 0, sie = 0, age = 0, vary = "", keys = [], length }: Saying = {},
): WriteOptions {
  const ns = (seconds: number) => BigInt(seconds) * SECOND;
  return {
    lifetime: {
      initialAge: ns(age),
      maxAge: ns(maxAge),
      staleWhileRevalidate: ns(swr),
      staleIfError: ns(sie),
    },
    varyRule: parseVaryRule(vary),
    surrogateKeys: new Set(keys),
    userMetadata: new Uint8Array(),
    sensitive: false,
    length,
  };
}

/** A cache, and a function that advances its clock, in seconds. */
export function cacheOf(max = 1 << 20): { cache: Cache; pass(seconds: number): void } {
  let now = 1_000_000;
  return {
    cache: new Cache(max, () => now),
    pass: (seconds) => void (now += seconds * 1000),
  };
}

/** Stores a text. */
export function store(
  cache: Cache,
  key: string,
  text: string,
  saying: Saying = {},
  headers: HeaderList = NONE,
): void {
  const { content } = cache.insert(key, headers, written(saying));
  content.write(new TextEncoder().encode(text));
  content.finish();
}

/** The object that a lookup which need not wait has found. */
export function foundOf(pending: PendingLookup): FoundObject | undefined {
  return outcomeOf(pending).found;
}

/** The result of a lookup, when it is ready. */
export async function resultOf(pending: PendingLookup): Promise<LookupResult> {
  while (!pending.ready) await pending.whenReady();
  return pending.take();
}

/** Returns the result of a lookup that need not wait. */
export function outcomeOf(pending: PendingLookup): LookupResult {
  assert(pending.ready, "the lookup need not wait");
  return pending.take();
}
