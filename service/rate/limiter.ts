import { checkWindow, RateCounters } from "./counters.ts";
import type { RateDriver, RateKind } from "./driver.ts";
import { memoryRateDriver } from "./memory_driver.ts";
import { checkTtl, PenaltyBoxes } from "./penalty_boxes.ts";
import { checkedName } from "./names.ts";

/** What {@linkcode RateLimiter.check} asks. */
export interface RateCheck {
  /** The name of the counter. */
  readonly counter: string;
  readonly entry: string;
  /** How much is counted. */
  readonly delta: number;
  /** 1, 10 or 60 seconds. */
  readonly window: number;
  /** Per second, over the window. */
  readonly limit: number;
  /** The name of the penalty box. */
  readonly box: string;
  /** Seconds in the box, 60 to 3600. */
  readonly ttl: number;
}

/** Edge rate limiting: what a service counts, and whom it keeps out. */
export class RateLimiter {
  readonly counters: RateCounters;
  readonly boxes: PenaltyBoxes;

  /**
   * @param now The time in milliseconds since 1970.
   * @param driverOf Gives what holds the counts, and the times in boxes; by default memory does.
   */
  constructor(
    now: () => number,
    driverOf: (kind: RateKind) => RateDriver = () => memoryRateDriver(),
  ) {
    this.counters = new RateCounters(now, driverOf("counters"));
    this.boxes = new PenaltyBoxes(now, driverOf("boxes"));
  }

  /**
   * Whether an entry is to be blocked: if it is in the box, where nothing is counted, or if it comes to more than the
   * limit with this, which puts it in the box. Refuses `invalid` for any argument that is not possible, and then counts
   * nothing.
   */
  check({ counter, entry, delta, window, limit, box, ttl }: RateCheck): boolean {
    checkWindow(window);
    checkTtl(ttl);
    checkedName(counter);
    if (this.boxes.has(box, entry)) return true;
    this.counters.increment(counter, entry, delta);
    const blocked = this.counters.exceeds(counter, entry, window, limit);
    if (blocked) this.boxes.add(box, entry, ttl);
    return blocked;
  }
}
