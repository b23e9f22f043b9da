import { createHash } from "node:crypto";
import { entryOf } from "../../service/rate/names.ts";
import type {
  RateDriver,
  RateIncrement,
  RateKind,
  RateRecord,
  RateSteps,
} from "../../service/rate/driver.ts";
import type { OnStoreFailure } from "./on_failure.ts";
import { AloneRates } from "./rate_alone.ts";
import { CHECK, COUNT, EXPIRE, REPLACE } from "./rate_scripts.ts";
import type { Reply } from "./link.ts";
import type { Script } from "./script.ts";
import { type Store, StoreError } from "./store.ts";

/** Maximum number of calls at the same time that send delayed counts when the store is back. */
const AHEAD = 50;
/** Minimum time for which a record is kept, in milliseconds, since another host's clock may be behind. */
const MIN_TTL = 1000;

/** Record with the number of its changes. */
interface Found {
  readonly record: RateRecord;
  readonly changes: string;
}

/**
 * Makes the drivers of rate counters and of penalty boxes. While the store fails, calls are answered from this host's own
 * counts, or refused. Counts and entries of boxes that the store may not have received are sent again, so that a count may be
 * too high, but never too low. All records of an entry are on one node of a Cluster.
 */
export function redisRateDriver(
  store: Store,
  onFailure: OnStoreFailure,
): (kind: RateKind) => RateDriver {
  const alone = new AloneRates(onFailure);
  const keyFor = (kind: RateKind, key: string) => {
    const tag = createHash("sha1").update(entryOf(key)).digest("base64url").slice(0, 12);
    return `{${store.prefix}:rate:${tag}}:${kind}:${key}`;
  };
  // Not sent again by the store: it may have counted already. AloneRates keeps such counts.
  const counting = { action: "write a rate counter", again: false };
  const boxing = { action: "write a penalty box", again: true };
  const reading = { action: "read a rate", again: true };

  const read = async (kind: RateKind, key: string): Promise<Found | undefined> => {
    const reply = await store.command(reading, ["HGETALL", keyFor(kind, key)]);
    const all = (reply as readonly unknown[]).map(String);
    if (!all.length) return undefined;
    const fields = new Map<string, string>();
    for (let i = 0; i < all.length; i += 2) fields.set(all[i]!, all[i + 1]!);
    const ahead = store.clockAhead;
    const buckets = [...fields].filter(([name]) => /^\d+$/.test(name))
      .map(([second, count]) => ({ second: Number(second) - ahead / 1000, count: Number(count) }))
      .sort((a, b) => a.second - b.second);
    const record = { buckets, expires: Number(fields.get("x") ?? 0) - ahead };
    return { record, changes: fields.get("n") ?? "0" };
  };

  const update = async (
    kind: RateKind,
    key: string,
    now: number,
    change: (record: RateRecord) => void,
  ): Promise<void> => {
    for (;;) {
      const found = await read(kind, key);
      const record = found?.record ?? { buckets: [], expires: 0 };
      change(record);
      const ahead = store.clockAhead;
      const fields = record.buckets.flatMap(({ second, count }) => [
        `${second + ahead / 1000}`,
        `${count}`,
      ]);
      const ttl = Math.max(MIN_TTL, Math.ceil(record.expires - now));
      const replaced = await store.run(counting, REPLACE, [keyFor(kind, key)], [
        found?.changes ?? "0",
        `${ttl}`,
        "x",
        `${record.expires + ahead}`,
        ...fields,
      ]);
      if (replaced === 1) return;
    }
  };

  /** Runs a script that counts, and passes on delayed counts of the entry; they stay delayed if the script fails. */
  const run = async (
    script: Script,
    keys: readonly [string, ...string[]],
    now: number,
    args: readonly string[],
    [key, delta]: readonly [string, number],
  ): Promise<Reply> => {
    const ahead = store.clockAhead;
    const waiting = alone.takeCounts(key);
    const counts = [[Math.floor(now / 1000), delta], ...waiting.counts];
    const pairs = counts.flatMap(([second, count]) => [`${second! + ahead / 1000}`, `${count}`]);
    try {
      return await store.run(counting, script, keys, [`${now + ahead}`, ...args, ...pairs]);
    } catch (error) {
      waiting.restore();
      throw error;
    }
  };

  const count = async (key: string, now: number, { delta, window }: RateIncrement) => {
    const keys = [keyFor("counters", key)] as const;
    return Number(await run(COUNT, keys, now, [`${window}`], [key, delta]));
  };

  const box = async (key: string, now: number, expires: number): Promise<void> => {
    const ttl = Math.max(1, Math.ceil(expires - now));
    const leaves = expires + store.clockAhead;
    await store.run(boxing, EXPIRE, [keyFor("boxes", key)], [`${leaves}`, `${ttl}`]);
  };

  store.returned.add(() => void sendAll());
  const sendAll = async (): Promise<void> => {
    const now = Date.now();
    const calls = [
      ...alone.countedKeys().map((key) => () => count(key, now, { delta: 0, window: 1 })),
      ...alone.takeBoxes(now).map(([key, expires]) => async () => {
        await box(key, now, expires).catch((error) => {
          alone.box(key, now, expires, true);
          throw error;
        });
      }),
    ];
    try {
      while (calls.length) await Promise.all(calls.splice(0, AHEAD).map((call) => call()));
    } catch {
      // The store is gone again: the rest is sent when it is back.
    }
  };

  const boxes: RateDriver = {
    get: (key) =>
      alone.boxed(key) ??
        orAlone(() => read("boxes", key).then((found) => found?.record), () => alone.getBox(key)),
    update: (key, now, change) => update("boxes", key, now, change),
    get steps() {
      return steps;
    },
  };
  const counters: RateDriver = {
    get: (key) =>
      orAlone(
        async () => alone.withCounts(key, (await read("counters", key))?.record),
        (now) => alone.getCounts(key, now),
      ),
    update: (key, now, change) => update("counters", key, now, change),
    get steps() {
      return steps;
    },
  };
  const steps: RateSteps = {
    boxes,
    add: (key, now, increment) => {
      const counted = alone.count(key, now, increment);
      return orAlone(() => count(key, now, increment), () => {
        alone.keepCount(key, now, increment.delta);
        return alone.sumOr(counted);
      });
    },
    expire: (key, now, expires) => {
      alone.box(key, now, expires, false);
      return orAlone(() => box(key, now, expires), () => alone.box(key, now, expires, true));
    },
    check: ({ counter, box: boxKey }, now, { delta, window, max, expires }) => {
      if (alone.boxed(boxKey, now)) return true;
      const counted = alone.count(counter, now, { delta, window });
      const ask = async (): Promise<boolean> => {
        const keys = [keyFor("counters", counter), keyFor("boxes", boxKey)] as const;
        const args = [`${window}`, `${max}`, `${expires + store.clockAhead}`];
        const found = await run(CHECK, keys, now, args, [counter, delta]);
        if (found === 2) alone.box(boxKey, now, expires, false);
        return found !== 0;
      };
      return orAlone(ask, () => {
        alone.keepCount(counter, now, delta);
        if (alone.refuses || alone.isInBox(boxKey, now)) return true;
        if (counted <= max) return false;
        alone.box(boxKey, now, expires, true);
        return true;
      });
    },
  };
  return (kind) => kind === "counters" ? counters : boxes;
}

/** Returns the store's answer, or the one of this host alone if the store fails. */
async function orAlone<T>(ask: () => Promise<T>, otherwise: (now: number) => T): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return otherwise(Date.now());
  }
}
