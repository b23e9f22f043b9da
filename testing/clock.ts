import { type Clock, machineClock, type TimerOptions } from "../service/util/clock.ts";
import { shownValue } from "../service/util/shown_value.ts";

/** Turns of the event loop without activity, after which all work is taken to wait for the clock or for the network. */
const QUIET_TURNS = 12;
/** Such turns after a background timer, of which there are many in a long time, and which do little. */
const QUIET_TURNS_IN_BACKGROUND = 3;
/** Maximum number of turns to wait for. */
const MAX_TURNS = 1000;

/** Start of the monotonic clock, in milliseconds. It is not 0, which Go's runtime refuses. */
const FIRST = 60_000;

const FACTORS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60e3,
  h: 3600e3,
  d: 86400e3,
};

/**
 * Reads a duration.
 *
 * @param value Milliseconds, or a text with a unit: `300ms`, `10s`, `2m`, `1h`, `30d`.
 * @throws {TypeError} If the value is malformed.
 */
export function millisOf(value: number | string): number {
  const millis = parsedMillis(value);
  if (millis !== undefined) return millis;
  throw new TypeError(`Cannot use the duration ${shownValue(value)}: it is ${NO_DURATION}`);
}

/** Fault of a duration that is malformed, after "it is". */
export const NO_DURATION = "neither milliseconds nor a text as 300ms, 10s or 2m";

/** Reads a duration as {@linkcode millisOf} does; undefined if it is malformed. */
export function parsedMillis(value: unknown): number | undefined {
  const [, digits, unit = "ms"] = typeof value === "number"
    ? [, value]
    : /^(\d+(?:\.\d+)?) *(ms|s|m|h|d)$/.exec(String(value)) ?? [];
  const millis = Number(digits) * FACTORS[unit]!;
  return millis >= 0 && millis < Infinity ? millis : undefined;
}

interface Timer {
  readonly due: number;
  readonly background: boolean;
  readonly fire: () => void;
}

/** Clock of a test, which runs with the machine's or stands still, and can be advanced. */
export class TestClock implements Clock {
  readonly manual = true;
  readonly #start: number;
  readonly #frozen: boolean;
  readonly #began = machineClock.elapsed();
  readonly #timers = new Set<Timer>();
  #moved = 0;
  #activity = 0;

  /**
   * @param start Initial time, in milliseconds since 1970.
   * @param frozen Whether the clock stands still unless it is advanced.
   */
  constructor(start: number, frozen: boolean) {
    this.#start = start;
    this.#frozen = frozen;
  }

  now(): number {
    return this.#start + this.elapsed() - FIRST;
  }

  elapsed(): number {
    return FIRST + this.#moved + (this.#frozen ? 0 : machineClock.elapsed() - this.#began);
  }

  after(ms: number, callback: () => void, options: TimerOptions = {}): () => void {
    this.#activity++;
    let stop = () => {};
    const timer: Timer = {
      due: this.elapsed() + Math.max(0, ms),
      background: options.background === true,
      fire: () => {
        cancel();
        callback();
      },
    };
    const cancel = () => {
      this.#activity++;
      this.#timers.delete(timer);
      stop();
    };
    this.#timers.add(timer);
    if (!this.#frozen) stop = machineClock.after(ms, timer.fire, options);
    return cancel;
  }

  /**
   * Advances the clock. Timers that are due by then fire in their order, each at its time. After each, work that it has
   * started runs until it is done, or waits for the clock or for I/O.
   */
  async advance(ms: number): Promise<void> {
    await this.settle();
    const end = this.elapsed() + ms;
    for (let next; (next = this.#nextUntil(end));) {
      this.#moved += Math.max(0, next.due - this.elapsed());
      next.fire();
      await this.settle(next.background ? QUIET_TURNS_IN_BACKGROUND : QUIET_TURNS);
    }
    this.#moved += Math.max(0, end - this.elapsed());
    await this.settle();
  }

  /** Records activity, so that {@linkcode TestClock.settle} waits longer. */
  note(): void {
    this.#activity++;
  }

  /** Resolves after some turns of the event loop without activity. */
  async settle(quietTurns = QUIET_TURNS): Promise<void> {
    let quiet = 0;
    for (let turns = 0; quiet < quietTurns && turns < MAX_TURNS; turns++) {
      const before = this.#activity;
      await new Promise<void>((resolve) => setImmediate(resolve));
      quiet = this.#activity === before ? quiet + 1 : 0;
    }
  }

  #nextUntil(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (!next || timer.due < next.due)) next = timer;
    }
    return next;
  }
}
