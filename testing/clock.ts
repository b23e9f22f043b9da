import { type Clock, machineClock, type TimerOptions } from "../service/util/clock.ts";

/** Turns of the event loop in which nothing happens, after which everything waits for the time or for the network. */
const QUIET_TURNS = 12;
/** The same after a timer that keeps no process alive: those are many in a long time, and do little. */
const QUIET_TURNS_IN_BACKGROUND = 3;
/** The most turns that are waited for. */
const MAX_TURNS = 1000;

/** What the monotonic clock begins with, in milliseconds: Go's runtime refuses 0. */
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
 * @throws {TypeError} If it is neither.
 */
export function millisOf(value: number | string): number {
  const [, digits, unit = "ms"] = typeof value === "number"
    ? [, value]
    : /^(\d+(?:\.\d+)?) *(ms|s|m|h|d)$/.exec(value) ?? [];
  const millis = Number(digits) * FACTORS[unit]!;
  if (millis >= 0 && millis < Infinity) return millis;
  throw new TypeError(
    `Cannot use the duration ${
      JSON.stringify(value)
    }: it is neither milliseconds nor a text as 300ms, 10s or 2m`,
  );
}

interface Timer {
  readonly due: number;
  readonly background: boolean;
  readonly fire: () => void;
}

/** The time of a test: it runs with the machine's, or stands still, and can be moved forward. */
export class TestClock implements Clock {
  readonly manual = true;
  readonly #start: number;
  readonly #frozen: boolean;
  readonly #began = machineClock.elapsed();
  readonly #timers = new Set<Timer>();
  #moved = 0;
  #activity = 0;

  /**
   * @param start The time at first, in milliseconds since 1970.
   * @param frozen Whether it stands still between two moves.
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
   * Moves the time forward. Timers that are due by then fire in their order, each at its time, and what they start goes
   * on until it waits for the time, or for what is outside the process.
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

  /** Notes that something has happened: whoever waits for quiet waits on. */
  note(): void {
    this.#activity++;
  }

  /** Resolves when nothing has happened for some turns of the event loop. */
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
