import type { Payload } from "../../http/bytes.ts";
import { HostError } from "../../errors.ts";
import { bytesOf, entriesOf } from "../entries.ts";
import type { KvDriver, Pieces } from "./driver.ts";
import { type Clock, machineClock } from "../../util/clock.ts";
import { faultOfKey } from "./keys.ts";
import { memoryDriver } from "./memory_driver.ts";
import { ignore, piecesOf } from "./pieces.ts";
import { KvRoom } from "./room.ts";
import { FIRST_GENERATION, type KvSeed, KvStore, LAST_SEED_GENERATION } from "./store.ts";

/** Initial entry of a store. */
interface Seed {
  readonly key: string;
  readonly value: Pieces;
  readonly metadata: string;
}

/** Stores of earlier options, which stores of new options continue. */
export interface EarlierStores {
  readonly stores: ReadonlyMap<string, KvStore>;
  /** Registers a step to run when the new options take effect. */
  onceInPlace(step: () => void): void;
}

/**
 * Makes KV stores by name, with their initial entries.
 *
 * @param now Returns the time in milliseconds since 1970.
 * @param driverOf Returns the driver of a store; by default a new one in memory.
 * @param max Limit in bytes for all stores in memory; by default there is none.
 * @param clock Clock of timers.
 * @param earlier Stores of earlier options: one of the same name is continued, with the entries that the program wrote.
 * @throws {TypeError} If a key is not valid, or the initial entries exceed the limit.
 */
export function kvStoresOf(
  seeds: Readonly<Record<string, KvSeed>>,
  now: () => number,
  driverOf?: (store: string) => KvDriver,
  max = Infinity,
  clock: Pick<Clock, "after"> = machineClock,
  earlier?: EarlierStores,
): ReadonlyMap<string, KvStore> {
  const room = new KvRoom(max, now);
  return new Map(
    Object.entries(seeds).map(([name, seed]) => {
      const entries = seedsOf(name, seed);
      const known = earlier?.stores.get(name);
      if (known) {
        earlier!.onceInPlace(() => known.seed((driver) => writeSeeds(driver, entries, now)));
        return [name, known];
      }
      if (!driverOf) return [name, new KvStore(seeded(name, entries, room), now, undefined, clock)];
      const write = (driver: KvDriver) => writeSeeds(driver, entries, now);
      return [name, new KvStore(driverOf(name), now, write, clock)];
    }),
  );
}

function seedsOf(store: string, seed: KvSeed): Seed[] {
  const owner = `KV store "${store}"`;
  return entriesOf(owner, seed).map(([key, entry]) => {
    const fault = faultOfKey(key);
    if (fault) throw new TypeError(`Cannot use ${owner}: the key "${key}" ${fault}`);
    const { value, metadata = "" } = typeof entry === "object" && entry && "value" in entry
      ? entry
      : { value: entry };
    const bytes = bytesOf(owner, key, value);
    return { key, value: bytes.length ? [bytes] : [], metadata };
  });
}

function seeded(store: string, entries: readonly Seed[], room: KvRoom): KvDriver {
  const driver = memoryDriver(room);
  try {
    for (const { key, value, metadata } of entries) {
      const record = { value, metadata, generation: FIRST_GENERATION, expires: undefined };
      driver.set(key, record, "none");
    }
  } catch (error) {
    if (!(error instanceof HostError && error.limit)) throw error;
    throw new TypeError(
      `Cannot use KV store "${store}": its entries do not fit into limits.${error.limit}`,
    );
  }
  return driver;
}

async function writeSeeds(
  driver: KvDriver,
  entries: readonly Seed[],
  now: () => number,
): Promise<void> {
  for (const entry of entries) await writeSeed(driver, entry, now);
}

/**
 * Writes an initial entry if its key has no record, or one that an earlier start has written. A record that the program
 * has written stays; its generation tells them apart.
 */
async function writeSeed(driver: KvDriver, entry: Seed, now: () => number): Promise<void> {
  const { key, value, metadata } = entry;
  for (let done = false; !done;) {
    const stored = await driver.get(key);
    if (stored?.expires !== undefined && stored.expires <= now()) {
      ignore(stored.value);
      await driver.delete(key, stored.generation);
      continue;
    }
    if (stored && stored.generation >= LAST_SEED_GENERATION) return ignore(stored.value);
    if (stored && await isSame(stored.value, value) && stored.metadata === metadata) return;
    const generation = stored ? stored.generation + 1n : FIRST_GENERATION;
    const record = { value, metadata, generation, expires: undefined };
    done = await driver.set(key, record, stored?.generation ?? "none");
  }
}

/** Whether a stored value has the same bytes as a seed's, which is at most one piece. */
async function isSame(stored: Payload, value: Pieces): Promise<boolean> {
  const [whole = new Uint8Array()] = value;
  let at = 0;
  for (const piece of await piecesOf(stored)) {
    for (const byte of piece) if (byte !== whole[at++]) return false;
  }
  return at === whole.length;
}
