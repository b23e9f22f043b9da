import { refuse } from "../../errors.ts";
import { cursorAfter, keyOfCursor } from "./cursor.ts";
import type { KvDriver, KvFound, KvRecord, Pieces } from "./driver.ts";
import { ignore, joined, piecesOf } from "./pieces.ts";
import { type Clock, machineClock } from "../../util/clock.ts";
import { KvSweeper, REMEMBERED } from "./sweeper.ts";

/** What is in a KV store at first: a value for each key, with its metadata if it has any. */
export type KvSeed = Readonly<
  Record<
    string,
    string | Uint8Array | { readonly value: string | Uint8Array; readonly metadata?: string }
  >
>;

/** What a lookup finds. */
export type KvEntry = Pick<KvFound, "value" | "metadata" | "generation">;

/** How a value is put in. */
export interface KvInsert {
  /** `add` is refused where there is a value; the others replace it, or go before or behind it. By default `overwrite`. */
  readonly mode?: "overwrite" | "add" | "append" | "prepend";
  /** In place of what was there; by default none. */
  readonly metadata?: string | undefined;
  /** Seconds until the entry is gone; by default it stays. */
  readonly ttl?: number | undefined;
  /** Refused where there is a value of another generation. */
  readonly ifGeneration?: bigint | undefined;
}

/** Which keys to list. */
interface KvQuery {
  readonly prefix?: string | undefined;
  /** From the page before. */
  readonly cursor?: string | undefined;
  /** The most keys, by default 1000. */
  readonly limit?: number | undefined;
}

/** Keys, in the order of their UTF-8 bytes, in the shape that guests get as JSON. */
export interface KvPage {
  readonly data: readonly string[];
  readonly meta: {
    readonly limit: number;
    readonly prefix?: string;
    /** There if more keys follow. */
    readonly next_cursor?: string;
  };
}

/** The generation of what is in a store at first. */
export const FIRST_GENERATION = 1n;
/** Up to this one, generations are of what the options say, each time that they say something new. */
export const LAST_SEED_GENERATION = 1_000_000n;

const MAX_KEYS = 1000;
const MICROS = 1000;

/**
 * A KV store as guests know it, over a driver that only keeps records. Keys are taken as they are: whoever hands them in
 * has asked `faultOfKey`.
 */
export class KvStore {
  readonly #driver: KvDriver;
  readonly #now: () => number;
  #ready: Promise<void> | undefined;
  #lastGeneration = LAST_SEED_GENERATION;
  /** Of a driver that does not sweep: keys whose records are gone for guests, with their generations, in that order. */
  readonly #gone = new Map<string, bigint>();
  readonly #sweeper: KvSweeper | undefined;

  /**
   * @param now The time in milliseconds since 1970.
   * @param ready What everything waits for; if it rejects, everything fails.
   * @param clock What timers run by.
   */
  constructor(
    driver: KvDriver,
    now: () => number,
    ready?: Promise<void>,
    clock: Pick<Clock, "after"> = machineClock,
  ) {
    this.#driver = driver;
    this.#now = now;
    if (driver.sweep) this.#sweeper = new KvSweeper(driver as Required<KvDriver>, now, clock);
    if (ready) this.#waitFor(ready);
  }

  /**
   * Has everything wait until entries have been written past the store's own rules, as those of new options are.
   *
   * @param write Writes them; if it rejects, everything fails.
   */
  sow(write: (driver: KvDriver) => Promise<void>): void {
    const earlier = this.#ready;
    this.#waitFor(earlier ? earlier.then(() => write(this.#driver)) : write(this.#driver));
  }

  #waitFor(ready: Promise<void>): void {
    this.#ready = ready;
    // Whoever asks for something is told of a failure.
    ready.then(() => this.#ready === ready && (this.#ready = undefined), () => {});
  }

  /** Refuses `absent` if there is no value. */
  async lookup(key: string): Promise<KvEntry> {
    if (this.#ready) await this.#ready;
    const record = await this.#driver.get(key);
    if (!record) return noValue(key);
    if (!this.#expired(record)) return record;
    ignore(record.value);
    await this.#forget(key, record.generation);
    return noValue(key);
  }

  /** Refuses `precondition-failed` if the mode or the generation do not allow it. */
  async insert(key: string, value: Pieces, options: KvInsert = {}): Promise<void> {
    if (this.#ready) await this.#ready;
    const { mode = "overwrite", ifGeneration } = options;
    this.#sweeper?.note(options.ttl !== undefined);
    if (mode === "overwrite" && ifGeneration === undefined) {
      // Fails only where another process is ahead: below it is followed.
      if (await this.#driver.set(key, this.#record(value, options), "any")) return;
    }
    for (let written = false; !written;) {
      const found = await this.#driver.get(key);
      this.#follow(found);
      const old = found && !this.#expired(found) ? found : undefined;
      const kept = old && (mode === "append" || mode === "prepend");
      if (found && !kept) ignore(found.value);
      if (old) checkAllowed(key, old, options);
      const whole = kept ? combined(await piecesOf(old.value), value, mode) : value;
      const record = this.#record(whole, options);
      // Fails if another has written meanwhile: then its value is the old one.
      written = await this.#driver.set(key, record, found?.generation ?? "none");
    }
  }

  /** Refuses `absent` if there is no value. */
  async delete(key: string): Promise<void> {
    if (this.#ready) await this.#ready;
    for (;;) {
      const found = await this.#driver.get(key);
      if (found) ignore(found.value);
      if (!found || this.#expired(found)) return noValue(key);
      this.#follow(found);
      // In its place, for a while, is what has expired: another process may write next, at the same time of its clock,
      // and must not give the generation again that was there.
      const generation = this.#nextGeneration();
      const nothing = { value: [], metadata: "", generation, expires: 0 };
      if (!await this.#driver.set(key, nothing, found.generation)) continue;
      return await this.#forget(key, generation);
    }
  }

  /** Refuses `bad-request` for a limit of 0 and for a cursor that is none. */
  async list({ prefix, cursor, limit = MAX_KEYS }: KvQuery = {}): Promise<KvPage> {
    if (limit === 0) refuse("bad-request", "Cannot list keys: the limit is 0");
    if (this.#ready) await this.#ready;
    let after = cursor === undefined ? undefined : keyOfCursor(cursor);
    const keys: string[] = [];
    // One more than is asked for tells whether there is a next page.
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

  /** Ends its timer. */
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

  /** Has the driver delete what is gone once its generation need not be remembered. */
  async #forget(key: string, generation: bigint): Promise<void> {
    if (this.#sweeper) return this.#sweeper.note(true);
    this.#gone.delete(key);
    this.#gone.set(key, generation);
    const due = BigInt(Math.floor((this.#now() - REMEMBERED) * MICROS));
    // Two for one that comes: there are fewer and fewer.
    for (const [key, generation] of [...this.#gone.entries().take(2)]) {
      if (generation > due) return;
      this.#gone.delete(key);
      await this.#driver.delete(key, generation);
    }
  }

  /** Takes care that the next generation is greater than the one there, which may be another process's. */
  #follow(found: KvFound | undefined): void {
    if (found && found.generation > this.#lastGeneration) this.#lastGeneration = found.generation;
  }

  /** Grows for ever, also past the end of this process, and fits the numbers of JavaScript, whose SDK has no others. */
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
