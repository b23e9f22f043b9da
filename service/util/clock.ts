/** Options of a timer. */
export interface TimerOptions {
  /** Whether the process may end while the timer runs. By default it may not. */
  readonly background?: boolean;
}

/**
 * Clock of a service. All of its timers and expiry times use it, so that a test can move them together. Only processor
 * time is always the machine's.
 */
export interface Clock {
  /** Milliseconds since 1970, with a fraction where the clock has it. */
  now(): number;
  /** Milliseconds since a fixed moment, with a fraction; never decreases. */
  elapsed(): number;
  /**
   * Calls back after `ms` milliseconds.
   *
   * @returns Function that cancels the timer.
   */
  after(ms: number, callback: () => void, options?: TimerOptions): () => void;
  /**
   * Whether a test moves the time: a guest that computes then delays no timer, so that {@linkcode StallClock} subtracts
   * nothing. By default `false`.
   */
  readonly manual?: boolean;
}

/** Longest timer of the platform, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;
/**
 * Maximum difference between `performance.now()` and `Date.now()`, in milliseconds. Beyond it `Date.now()` is used, since
 * the former does not advance while the machine sleeps.
 */
const MAX_DRIFT = 1000;

/** Clock of the machine. */
export const machineClock: Clock = {
  now() {
    const coarse = Date.now();
    const fine = performance.timeOrigin + performance.now();
    return Math.abs(fine - coarse) < MAX_DRIFT ? fine : coarse;
  },
  elapsed: () => performance.now(),
  after(ms, callback, options) {
    let timer: ReturnType<typeof setTimeout>;
    const start = (left: number) => {
      const fire = left > MAX_TIMER ? () => start(left - MAX_TIMER) : callback;
      timer = setTimeout(fire, Math.min(left, MAX_TIMER));
      // A number before Deno 2.9, where such a timer holds the process up.
      if (options?.background && typeof timer === "object") timer.unref();
    };
    start(ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Returns the clock of an option.
 *
 * @param option A clock, or a function for `now` alone; by default the machine's clock.
 */
export function clockOf(option: (() => number) | Clock | undefined): Clock {
  if (typeof option === "function") return { ...machineClock, now: option };
  return option ?? machineClock;
}

/** Calls back in the next turn of the event loop, after pending events such as signals. */
export function afterTurn(callback: () => void): void {
  setTimeout(callback, 0);
}
