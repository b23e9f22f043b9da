import type { KvDriver } from "./driver.ts";
import { faultOfKey } from "./keys.ts";
import { memoryDriver } from "./memory_driver.ts";
import { FIRST_GENERATION, type KvSeed, KvStore } from "./store.ts";

const encoder = new TextEncoder();

/**
 * KV stores by name, in memory, with what is in them at first.
 *
 * @param now The time in milliseconds since 1970.
 * @throws {TypeError} If a key is none.
 */
export function kvStoresOf(
  seeds: Readonly<Record<string, KvSeed>>,
  now: () => number,
): ReadonlyMap<string, KvStore> {
  return new Map(
    Object.entries(seeds).map(([name, seed]) => [name, new KvStore(seeded(name, seed), now)]),
  );
}

function seeded(store: string, seed: KvSeed): KvDriver {
  const driver = memoryDriver();
  for (const [key, entry] of Object.entries(seed)) {
    const fault = faultOfKey(key);
    if (fault) throw new TypeError(`Cannot use KV store "${store}": the key "${key}" ${fault}`);
    const { value, metadata = "" } = typeof entry === "object" && "value" in entry
      ? entry
      : { value: entry };
    const bytes = typeof value === "string" ? encoder.encode(value) : value.slice();
    const pieces = bytes.length ? [bytes] : [];
    driver.set(
      key,
      { value: pieces, metadata, generation: FIRST_GENERATION, expires: undefined },
      "any",
    );
  }
  return driver;
}
