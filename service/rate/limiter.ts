import type { DriverTime } from "../util/driver_time.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import { checkWindow, RateCounters } from "./counters.ts";
import type { RateDriver, RateKind } from "./driver.ts";
import { memoryRateDriver } from "./memory_driver.ts";
import { checkTtl, PenaltyBoxes } from "./penalty_boxes.ts";
import { checkedName } from "./names.ts";

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

  /**
   * @param now Time in milliseconds since 1970.
   * @param driverOf Gives the driver for the counts, and the one for the times in boxes; memory by default.
   * @param time Bounds how long the drivers may take; by default nothing does.
   */
  constructor(
    now: () => number,
    driverOf: (kind: RateKind) => RateDriver = () => memoryRateDriver(),
    time?: DriverTime,
  ) {
    this.counters = new RateCounters(now, driverOf("counters"), time);
    this.boxes = new PenaltyBoxes(now, driverOf("boxes"), time);
  }

  /**
   * Whether an entry is to be blocked: because it is in the box, where nothing is counted, or because this increment
   * takes its rate above the limit, which puts it in the box. Counting and comparing are one step of the driver, so of
   * several checks at the same time none misses another's count.
   *
   * @throws {HostError} `invalid` for any argument out of bounds; nothing is counted then.
   */
  check({ counter, entry, delta, window, limit, box, ttl }: RateCheck): Eventually<boolean> {
    checkWindow(window);
    checkTtl(ttl);
    checkedName(counter);
    return chain(this.boxes.has(box, entry), (boxed) => {
      if (boxed) return true;
      const over = this.counters.incrementAndCompare(counter, entry, delta, window, limit);
      return chain(over, (blocked) => {
        if (!blocked) return false;
        return chain(this.boxes.add(box, entry, ttl), () => true);
      });
    });
  }
}
