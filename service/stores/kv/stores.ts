import type { Payload } from "../../http/bytes.ts";
import { HostError } from "../../errors.ts";
import type { KvDriver, Pieces } from "./driver.ts";
import { type Clock, machineClock } from "../../util/clock.ts";
import { faultOfKey } from "./keys.ts";
import { memoryDriver } from "./memory_driver.ts";
import { ignore, piecesOf } from "./pieces.ts";
import { KvRoom } from "./room.ts";
import { FIRST_GENERATION, type KvSeed, KvStore, LAST_SEED_GENERATION } from "./store.ts";

const encoder = new TextEncoder();

/** What is under a key at first. */
interface Seed {
  readonly key: string;
  readonly value: Pieces;
  readonly metadata: string;
}

/** Stores of earlier options, which those of new options go on with. */
export interface EarlierStores {
  readonly stores: ReadonlyMap<string, KvStore>;
  /** Takes the step that writes the new options' entries, for when those options hold. */
  onceInPlace(step: () => void): void;
}

/**
 * KV stores by name, with what is in them at first.
 *
 * @param now The time in milliseconds since 1970.
 * @param driverOf Gives what holds the store of a name; by default memory does, and each store begins anew.
 * @param most Bytes of all stores that are in memory by default.
 * @param clock What timers run by.
 * @param earlier Stores of earlier options: one of the same name goes on, with what the program has written.
 * @throws {TypeError} If a key is none, or there is no room for what is in the stores at first.
 */
export function kvStoresOf(
  seeds: Readonly<Record<string, KvSeed>>,
  now: () => number,
  driverOf?: (store: string) => KvDriver,
  most = Infinity,
  clock: Pick<Clock, "after"> = machineClock,
  earlier?: EarlierStores,
): ReadonlyMap<string, KvStore> {
  const room = new KvRoom(most, now);
  return new Map(
    Object.entries(seeds).map(([name, seed]) => {
      const entries = seedsOf(name, seed);
      const known = earlier?.stores.get(name);
      if (known) {
        earlier!.onceInPlace(() => known.sow((driver) => sow(driver, entries, now)));
        return [name, known];
      }
      if (!driverOf) return [name, new KvStore(seeded(name, entries, room), now, undefined, clock)];
      const driver = driverOf(name);
      return [name, new KvStore(driver, now, sow(driver, entries, now), clock)];
    }),
  );
}

function seedsOf(store: string, seed: KvSeed): Seed[] {
  return Object.entries(seed).map(([key, entry]) => {
    const fault = faultOfKey(key);
    if (fault) throw new TypeError(`Cannot use KV store "${store}": the key "${key}" ${fault}`);
    const { value, metadata = "" } = typeof entry === "object" && "value" in entry
      ? entry
      : { value: entry };
    const bytes = typeof value === "string" ? encoder.encode(value) : value.slice();
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

async function sow(
  driver: KvDriver,
  entries: readonly Seed[],
  now: () => number,
): Promise<void> {
  for (const entry of entries) await sowOne(driver, entry, now);
}

/**
 * Writes an entry of the options where there is none, and over what an earlier start has written. What the program
 * itself has written stays, and is told apart by its generation.
 */
async function sowOne(driver: KvDriver, entry: Seed, now: () => number): Promise<void> {
  const { key, value, metadata } = entry;
  for (let done = false; !done;) {
    const found = await driver.get(key);
    if (found?.expires !== undefined && found.expires <= now()) {
      ignore(found.value);
      await driver.delete(key, found.generation);
      continue;
    }
    if (found && found.generation >= LAST_SEED_GENERATION) return ignore(found.value);
    if (found && await isSame(found.value, value) && found.metadata === metadata) return;
    const generation = found ? found.generation + 1n : FIRST_GENERATION;
    const record = { value, metadata, generation, expires: undefined };
    done = await driver.set(key, record, found?.generation ?? "none");
  }
}

/** Whether two values are the same, however they are cut. */
async function isSame(found: Payload, value: Pieces): Promise<boolean> {
  const [whole = new Uint8Array()] = value;
  let at = 0;
  for (const piece of await piecesOf(found)) {
    for (const byte of piece) if (byte !== whole[at++]) return false;
  }
  return at === whole.length;
}
