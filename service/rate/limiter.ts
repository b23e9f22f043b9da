import type { DriverTime } from "../util/driver_time.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import { checkWindow, RateCounters } from "./counters.ts";
import type { RateDriver, RateKind, RateSteps } from "./driver.ts";
import { memoryRateDriver } from "./memory_driver.ts";
import { checkTtl, expiryOf, PenaltyBoxes } from "./penalty_boxes.ts";
import { checkedName, keyOf } from "./names.ts";

/** Arguments of {@linkcode RateLimiter.check}. */
interface RateCheck {
  /** Name of the counter. */
  readonly counter: string;
  readonly entry: string;
  /** Amount that is added to the count. */
  readonly delta: number;
  /** 1, 10 or 60 seconds. */
  readonly window: number;
  /** Per second, on average over the window. */
  readonly limit: number;
  /** Name of the penalty box. */
  readonly box: string;
  /** Seconds in the box, 60 to 3600. */
  readonly ttl: number;
}

/** Edge rate limiting of one service: its rate counters and penalty boxes. */
export class RateLimiter {
  readonly counters: RateCounters;
  readonly boxes: PenaltyBoxes;
  readonly #now: () => number;
  readonly #time: DriverTime | undefined;
  /** Does all of a check at once, where one driver has both counters and boxes. */
  readonly #steps: RateSteps | undefined;

  /**
   * @param now Returns the time in milliseconds since 1970.
   * @param driverOf Returns the driver of a kind of records; by default one in memory.
   * @param time Timeout for the drivers' calls; by default there is none.
   */
  constructor(
    now: () => number,
    driverOf: (kind: RateKind) => RateDriver = () => memoryRateDriver(),
    time?: DriverTime,
  ) {
    this.#now = now;
    this.#time = time;
    const counters = driverOf("counters");
    const boxes = driverOf("boxes");
    if (counters.steps?.boxes === boxes) this.#steps = counters.steps;
    this.counters = new RateCounters(now, counters, time);
    this.boxes = new PenaltyBoxes(now, boxes, time);
  }

  /**
   * Counts a request of an entry, and blocks the entry if its rate exceeds the limit. Nothing is counted for an entry that
   * is already in the box. Counting and comparing are one step of the driver, so that concurrent checks see each other's
   * counts.
   *
   * @returns Whether the entry is blocked: it is in the box, or this increment takes its rate above the limit, which puts
   * it there.
   * @throws {HostError} `invalid` for any argument out of bounds; nothing is counted then.
   */
  check(check: RateCheck): Eventually<boolean> {
    const { counter, entry, delta, window, limit, box, ttl } = check;
    checkWindow(window);
    checkTtl(ttl);
    checkedName(counter);
    if (this.#steps) return this.#checkAtOnce(check, this.#steps);
    return chain(this.boxes.has(box, entry), (boxed) => {
      if (boxed) return true;
      const over = this.counters.incrementAndCompare(counter, entry, delta, window, limit);
      return chain(over, (blocked) => {
        if (!blocked) return false;
        return chain(this.boxes.add(box, entry, ttl), () => true);
      });
    });
  }

  #checkAtOnce(
    { counter, entry, delta, window, limit, box, ttl }: RateCheck,
    steps: RateSteps,
  ): Eventually<boolean> {
    const now = this.#now();
    const keys = { counter: keyOf(counter, entry), box: keyOf(checkedName(box), entry) };
    const max = limit * window;
    const answer = steps.check(keys, now, { delta, window, max, expires: expiryOf(now, ttl) });
    return this.#time ? this.#time.bound("check a rate", answer) : answer;
  }
}
