import { refuse } from "../../errors.ts";
import { cursorAfter, keyOfCursor } from "./cursor.ts";
import type { KvDriver, KvFound, KvRecord, Pieces } from "./driver.ts";
import { ignore, joined, piecesOf } from "./pieces.ts";
import { type Clock, machineClock } from "../../util/clock.ts";
import { KvSweeper, REMEMBERED } from "./sweeper.ts";

/** Initial entries of a KV store: a value for each key, with or without metadata. */
export type KvSeed = Readonly<
  Record<
    string,
    string | Uint8Array | { readonly value: string | Uint8Array; readonly metadata?: string }
  >
>;

/** Result of a lookup. */
export type KvEntry = Pick<KvFound, "value" | "metadata" | "generation">;

/** Options of an insert. */
export interface KvInsert {
  /** `add` fails if there is a value; others replace it, or put the new value after or before it. By default `overwrite`. */
  readonly mode?: "overwrite" | "add" | "append" | "prepend";
  /** New metadata, which replaces the old; by default none. */
  readonly metadata?: string | undefined;
  /** Time to live in seconds; by default the entry does not expire. */
  readonly ttl?: number | undefined;
  /** The insert fails if there is a value of another generation. */
  readonly ifGeneration?: bigint | undefined;
}

/** Options of a list. */
interface KvQuery {
  readonly prefix?: string | undefined;
  /** Cursor of the page before; by default the list begins with the first key. */
  readonly cursor?: string | undefined;
  /** Maximum number of keys; by default 1000. */
  readonly limit?: number | undefined;
}

/** Page of a list, in the order of the keys' UTF-8 bytes, in the format that guests get as JSON. */
export interface KvPage {
  readonly data: readonly string[];
  readonly meta: {
    readonly limit: number;
    readonly prefix?: string;
    /** Cursor of the next page; undefined if no more keys follow. */
    readonly next_cursor?: string;
  };
}

/** Generation of initial entries. */
export const FIRST_GENERATION = 1n;
/** Largest generation of an entry from the options; each change of the options increments the entry's. */
export const LAST_SEED_GENERATION = 1_000_000n;

const MAX_KEYS = 1000;
const MICROS = 1000;

/**
 * KV store with the rules that guests see, over a driver that only stores records
 * (https://www.fastly.com/documentation/guides/concepts/edge-state/data-stores/#kv-stores). Callers check keys with
 * `faultOfKey`.
 */
export class KvStore {
  readonly #driver: KvDriver;
  readonly #now: () => number;
  /** Writers of entries that are still to be written, in order. */
  readonly #seeds: ((driver: KvDriver) => Promise<void>)[] = [];
  #seeding: Promise<void> | undefined;
  #lastGeneration = LAST_SEED_GENERATION;
  /** For a driver that does not sweep: keys of deleted and expired records with their generations, the oldest first. */
  readonly #deleted = new Map<string, bigint>();
  readonly #sweeper: KvSweeper | undefined;

  /**
   * @param now Returns the time in milliseconds since 1970.
   * @param seed Writes the first entries, as {@linkcode KvStore.seed} has them written.
   * @param clock Clock of the sweeper's timer.
   */
  constructor(
    driver: KvDriver,
    now: () => number,
    seed?: (driver: KvDriver) => Promise<void>,
    clock: Pick<Clock, "after"> = machineClock,
  ) {
    this.#driver = driver;
    this.#now = now;
    if (driver.sweep) this.#sweeper = new KvSweeper(driver as Required<KvDriver>, now, clock);
    if (seed) this.seed(seed);
  }

  /**
   * Writes entries to the driver directly, as those of new options; calls of guests wait for it.
   *
   * @param write Writes the entries. If it rejects, so does the call that waits for it, and the next call tries again.
   */
  seed(write: (driver: KvDriver) => Promise<void>): void {
    this.#seeds.push(write);
    this.#writeSeeds().catch(() => {}); // reported by the call that waits
  }

  #writeSeeds(): Promise<void> {
    return this.#seeding ??= (async () => {
      for (let write; (write = this.#seeds[0]); this.#seeds.shift()) await write(this.#driver);
    })().finally(() => this.#seeding = undefined);
  }

  /**
   * Reads the value of a key.
   *
   * @throws {HostError} `absent` if there is none.
   */
  async lookup(key: string): Promise<KvEntry> {
    if (this.#seeds.length) await this.#writeSeeds();
    const record = await this.#driver.get(key);
    if (!record) return noValue(key);
    if (!this.#expired(record)) return record;
    ignore(record.value);
    await this.#forget(key, record.generation);
    return noValue(key);
  }

  /**
   * Writes the value of a key.
   *
   * @throws {HostError} `precondition-failed` if the mode or `ifGeneration` does not allow it; `too-large`.
   */
  async insert(key: string, value: Pieces, options: KvInsert = {}): Promise<void> {
    if (this.#seeds.length) await this.#writeSeeds();
    const { mode = "overwrite", ifGeneration } = options;
    this.#sweeper?.note(options.ttl !== undefined);
    if (mode === "overwrite" && ifGeneration === undefined) {
      // False only if another process has written a later generation, which the loop below reads.
      if (await this.#driver.set(key, this.#record(value, options), "any")) return;
    }
    for (let written = false; !written;) {
      const stored = await this.#driver.get(key);
      this.#follow(stored);
      const old = stored && !this.#expired(stored) ? stored : undefined;
      const extended = old && (mode === "append" || mode === "prepend");
      if (stored && !extended) ignore(stored.value);
      if (old) checkAllowed(key, old, options);
      const whole = extended ? combined(await piecesOf(old.value), value, mode) : value;
      const record = this.#record(whole, options);
      // False if another insert came first; the loop then starts from its value.
      written = await this.#driver.set(key, record, stored?.generation ?? "none");
    }
  }

  /**
   * Deletes a key.
   *
   * @throws {HostError} `absent` if there is none.
   */
  async delete(key: string): Promise<void> {
    if (this.#seeds.length) await this.#writeSeeds();
    for (;;) {
      const stored = await this.#driver.get(key);
      if (stored) ignore(stored.value);
      if (!stored || this.#expired(stored)) return noValue(key);
      this.#follow(stored);
      // An expired record stays in its place for a minute: it keeps the generation, which another process whose clock is
      // behind must not use again.
      const generation = this.#nextGeneration();
      const tombstone = { value: [], metadata: "", generation, expires: 0 };
      if (!await this.#driver.set(key, tombstone, stored.generation)) continue;
      return await this.#forget(key, generation);
    }
  }

  /**
   * Lists keys.
   *
   * @throws {HostError} `bad-request` for a limit of 0, or a text that is not a cursor.
   */
  async list({ prefix, cursor, limit = MAX_KEYS }: KvQuery = {}): Promise<KvPage> {
    if (limit === 0) refuse("bad-request", "Cannot list keys: the limit is 0");
    if (this.#seeds.length) await this.#writeSeeds();
    let after = cursor === undefined ? undefined : keyOfCursor(cursor);
    const keys: string[] = [];
    // One more key than the limit shows whether there is a next page.
    for (let wanted; (wanted = limit + 1 - keys.length) > 0;) {
      const listed = await this.#driver.list(prefix ?? "", after, wanted);
      for (const one of listed) if (!this.#expired(one)) keys.push(one.key);
      if (listed.length < wanted) break;
      after = listed.at(-1)!.key;
    }
    const data = keys.slice(0, limit);
    return {
      data,
      meta: {
        limit,
        ...prefix !== undefined && { prefix },
        ...keys.length > limit && { next_cursor: cursorAfter(data.at(-1)!) },
      },
    };
  }

  /** Ends the store's timer. */
  close(): void {
    this.#sweeper?.close();
  }

  #record(value: Pieces, { metadata = "", ttl }: KvInsert): KvRecord {
    return {
      value,
      metadata,
      generation: this.#nextGeneration(),
      expires: ttl === undefined ? undefined : this.#now() + ttl * 1000,
    };
  }

  /** Deletes a record from the driver once its generation need not be remembered. */
  async #forget(key: string, generation: bigint): Promise<void> {
    if (this.#sweeper) return this.#sweeper.note(true);
    this.#deleted.delete(key);
    this.#deleted.set(key, generation);
    const due = BigInt(Math.floor((this.#now() - REMEMBERED) * MICROS));
    // Each call adds one key and removes up to two, so that the map shrinks.
    for (const [key, generation] of [...this.#deleted.entries().take(2)]) {
      if (generation > due) return;
      this.#deleted.delete(key);
      await this.#driver.delete(key, generation);
    }
  }

  /** Makes the next generation greater than the stored one, which another process may have written. */
  #follow(stored: KvFound | undefined): void {
    if (stored && stored.generation > this.#lastGeneration) {
      this.#lastGeneration = stored.generation;
    }
  }

  /**
   * Returns the time in microseconds since 1970, so that generations grow across processes too. It is below 2^53, since
   * the JavaScript SDK reads generations as numbers.
   */
  #nextGeneration(): bigint {
    const now = BigInt(Math.floor(this.#now() * MICROS));
    return this.#lastGeneration = now > this.#lastGeneration ? now : this.#lastGeneration + 1n;
  }

  #expired({ expires }: Pick<KvRecord, "expires">): boolean {
    return expires !== undefined && expires <= this.#now();
  }
}

function checkAllowed(key: string, { generation }: KvFound, insert: KvInsert): void {
  if (insert.ifGeneration !== undefined && insert.ifGeneration !== generation) {
    const wanted = insert.ifGeneration;
    refuse("precondition-failed", `Cannot insert key "${key}": it is not of generation ${wanted}`);
  }
  if (insert.mode === "add") refuse("precondition-failed", `Cannot add key "${key}": it exists`);
}

function combined(old: Pieces, value: Pieces, mode: KvInsert["mode"]): Pieces {
  if (mode === "append") return joined(old, value);
  if (mode === "prepend") return joined(value, old);
  return value;
}

function noValue(key: string): never {
  refuse("absent", `Cannot find key "${key}"`);
}
