import type { RateDriver, RateKind, RateSteps } from "../../service/rate/driver.ts";
import type { OnStoreFailure } from "./on_failure.ts";
import { AloneRates } from "./rate_alone.ts";
import { type Store, StoreError } from "./store.ts";
import { StoredRates } from "./stored_rates.ts";

/** Maximum number of calls at the same time that send delayed counts when the store is back. */
const AHEAD = 50;

/**
 * Makes the drivers of rate counters and of penalty boxes. While the store fails, calls are answered from this host's own
 * counts, or refused. Counts and entries of boxes that the store may not have received are sent again, so that a count may be
 * too high, but never too low.
 */
export function redisRateDriver(
  store: Store,
  onFailure: OnStoreFailure,
): (kind: RateKind) => RateDriver {
  const alone = new AloneRates(onFailure);
  const stored = new StoredRates(store, alone);
  store.returned.add(() => void sendDelayed(alone, stored));
  const boxes: RateDriver = {
    get: (key) =>
      alone.boxed(key) ?? orAlone(() => stored.read("boxes", key), () => alone.getBox(key)),
    update: (key, now, change) => stored.update("boxes", key, now, change),
    get steps() {
      return steps;
    },
  };
  const counters: RateDriver = {
    get: (key) =>
      orAlone(
        async () => alone.withCounts(key, await stored.read("counters", key)),
        (now) => alone.getCounts(key, now),
      ),
    update: (key, now, change) => stored.update("counters", key, now, change),
    get steps() {
      return steps;
    },
  };
  const steps = stepsOf(alone, stored, boxes);
  return (kind) => kind === "counters" ? counters : boxes;
}

function stepsOf(alone: AloneRates, stored: StoredRates, boxes: RateDriver): RateSteps {
  return {
    boxes,
    add(key, now, increment) {
      const counted = alone.count(key, now, increment);
      return orAlone(() => stored.count(key, now, increment), () => {
        alone.keepCount(key, now, increment.delta);
        return alone.sumOr(counted);
      });
    },
    expire(key, now, expires) {
      alone.box(key, now, expires, false);
      return orAlone(
        () => stored.box(key, now, expires),
        () => alone.box(key, now, expires, true),
      );
    },
    check(keys, now, increment) {
      const { counter, box } = keys;
      const { delta, max, expires } = increment;
      if (alone.boxed(box, now)) return true;
      const counted = alone.count(counter, now, increment);
      const ask = async (): Promise<boolean> => {
        const found = await stored.check(keys, now, increment);
        if (found === 2) alone.box(box, now, expires, false);
        return found !== 0;
      };
      return orAlone(ask, () => {
        alone.keepCount(counter, now, delta);
        if (alone.refuses || alone.isInBox(box, now)) return true;
        if (counted <= max) return false;
        alone.box(box, now, expires, true);
        return true;
      });
    },
  };
}

/** Sends delayed counts and entries of boxes. Those that fail stay delayed. */
async function sendDelayed(alone: AloneRates, stored: StoredRates): Promise<void> {
  const now = Date.now();
  const calls = [
    ...alone.countedKeys().map((key) => () => stored.count(key, now, { delta: 0, window: 1 })),
    ...alone.takeBoxes(now).map(([key, expires]) => async () => {
      await stored.box(key, now, expires).catch((error) => {
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
