import { createHash } from "node:crypto";
import type { RateIncrement, RateKind, RateRecord } from "../../service/rate/driver.ts";
import { entryOf } from "../../service/rate/names.ts";
import type { AloneRates } from "./rate_alone.ts";
import { hashOf, text } from "./replies.ts";
import { CHECK, COUNT, EXPIRE, REPLACE } from "./rate_scripts.ts";
import type { Script } from "./script.ts";
import type { Store } from "./store.ts";

/** Minimum time for which a record is kept, in milliseconds, since another host's clock may be behind. */
const MIN_TTL = 1000;

/** Not sent again by the store: it may have counted already. {@linkcode AloneRates} keeps such counts. */
const COUNTING = { action: "write a rate counter", again: false };
const BOXING = { action: "write a penalty box", again: true };
const READING = { action: "read a rate", again: true };

/** Record with the number of its changes. */
interface Found {
  readonly record: RateRecord;
  readonly changes: string;
}

/** Rate counters and penalty boxes in the store. All records of an entry are on one node of a Cluster. */
export class StoredRates {
  readonly #store: Store;
  readonly #alone: AloneRates;

  /** @param alone Has the delayed counts of entries, which are sent with the next count. */
  constructor(store: Store, alone: AloneRates) {
    this.#store = store;
    this.#alone = alone;
  }

  /** Returns a record; undefined if there is none. */
  async read(kind: RateKind, key: string): Promise<RateRecord | undefined> {
    return (await this.#find(kind, key))?.record;
  }

  /** Changes a record, again if another host has changed it meanwhile. */
  async update(
    kind: RateKind,
    key: string,
    now: number,
    change: (record: RateRecord) => void,
  ): Promise<void> {
    for (;;) {
      const found = await this.#find(kind, key);
      const record = found?.record ?? { buckets: [], expires: 0 };
      change(record);
      const ahead = this.#store.clockAhead;
      const fields = record.buckets.flatMap(({ second, count }) => [
        `${second + ahead / 1000}`,
        `${count}`,
      ]);
      const ttl = Math.max(MIN_TTL, Math.ceil(record.expires - now));
      const replaced = await this.#store.run(COUNTING, REPLACE, [this.#key(kind, key)], [
        found?.changes ?? "0",
        `${ttl}`,
        "x",
        `${record.expires + ahead}`,
        ...fields,
      ]);
      if (replaced === 1) return;
    }
  }

  /** Adds to a count. Returns its sum over the window. */
  async count(key: string, now: number, { delta, window }: RateIncrement): Promise<number> {
    const keys = [this.#key("counters", key)] as const;
    return await this.#run(COUNT, keys, now, [`${window}`], [key, delta]);
  }

  /** Puts an entry into a box. */
  async box(key: string, now: number, expires: number): Promise<void> {
    const ttl = Math.max(1, Math.ceil(expires - now));
    const leaves = expires + this.#store.clockAhead;
    await this.#store.run(BOXING, EXPIRE, [this.#key("boxes", key)], [`${leaves}`, `${ttl}`]);
  }

  /**
   * Counts an entry that is not in its box, and puts it there if the sum is above `max`.
   *
   * @returns 0 for an entry that is not in the box, 1 for one that was, 2 for one that is there now.
   */
  async check(
    keys: { readonly counter: string; readonly box: string },
    now: number,
    increment: RateIncrement & { readonly max: number; readonly expires: number },
  ): Promise<number> {
    const { delta, window, max, expires } = increment;
    const stored = [this.#key("counters", keys.counter), this.#key("boxes", keys.box)] as const;
    const args = [`${window}`, `${max}`, `${expires + this.#store.clockAhead}`];
    return await this.#run(CHECK, stored, now, args, [keys.counter, delta]);
  }

  async #find(kind: RateKind, key: string): Promise<Found | undefined> {
    const args = ["HGETALL", this.#key(kind, key)] as const;
    const fields = await this.#store.command(READING, args, hashOf(text));
    if (!fields.size) return undefined;
    const ahead = this.#store.clockAhead;
    const buckets = [...fields].filter(([name]) => /^\d+$/.test(name))
      .map(([second, count]) => ({ second: Number(second) - ahead / 1000, count: Number(count) }))
      .sort((a, b) => a.second - b.second);
    const record = { buckets, expires: Number(fields.get("x") ?? 0) - ahead };
    return { record, changes: fields.get("n") ?? "0" };
  }

  /** Runs a script that counts, and passes on delayed counts of the entry; they stay delayed if the script fails. */
  async #run(
    script: Script<number>,
    keys: readonly [string, ...string[]],
    now: number,
    args: readonly string[],
    [key, delta]: readonly [string, number],
  ): Promise<number> {
    const ahead = this.#store.clockAhead;
    const waiting = this.#alone.takeCounts(key);
    const counts = [[Math.floor(now / 1000), delta], ...waiting.counts];
    const pairs = counts.flatMap(([second, count]) => [`${second! + ahead / 1000}`, `${count}`]);
    try {
      return await this.#store.run(COUNTING, script, keys, [`${now + ahead}`, ...args, ...pairs]);
    } catch (error) {
      waiting.restore();
      throw error;
    }
  }

  #key(kind: RateKind, key: string): string {
    const tag = createHash("sha1").update(entryOf(key)).digest("base64url").slice(0, 12);
    return `{${this.#store.prefix}:rate:${tag}}:${kind}:${key}`;
  }
}
