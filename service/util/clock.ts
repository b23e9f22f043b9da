import { clearTimeout as stopTimer, setTimeout as startTimer } from "node:timers";

/** How a timer behaves. */
export interface TimerOptions {
  /** Whether the process may end while the timer runs. By default it may not. */
  readonly background?: boolean;
}

/**
 * The time of a service. Everything that waits or expires asks it, so that a test can move the time of all of them
 * together. Only processor time is the machine's own.
 */
export interface Clock {
  /** Milliseconds since 1970, with a fraction where the clock has it. */
  now(): number;
  /** Milliseconds since some moment, with a fraction. Never goes back. */
  elapsed(): number;
  /**
   * Calls back once that many milliseconds have passed.
   *
   * @returns A function that prevents the call.
   */
  after(ms: number, callback: () => void, options?: TimerOptions): () => void;
  /**
   * Whether somebody moves the time by hand: a guest that does not pause then holds nothing up. By default nobody does.
   */
  readonly manual?: boolean;
}

/** The longest time that a timer of the platform takes, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;
/** How far the finer clock may be from the coarse one, in milliseconds: it stands still while the machine sleeps. */
const MAX_DRIFT = 1000;

/** The machine's time. */
export const machineClock: Clock = {
  now() {
    const coarse = Date.now();
    const fine = performance.timeOrigin + performance.now();
    return Math.abs(fine - coarse) < MAX_DRIFT ? fine : coarse;
  },
  elapsed: () => performance.now(),
  after(ms, callback, options) {
    let timer: ReturnType<typeof startTimer>;
    const start = (left: number) => {
      const fire = left > MAX_TIMER ? () => start(left - MAX_TIMER) : callback;
      timer = startTimer(fire, Math.min(left, MAX_TIMER));
      if (options?.background) timer.unref();
    };
    start(ms);
    return () => stopTimer(timer);
  },
};

/** @param given The time in milliseconds since 1970, by a function that changes nothing else; or a clock. */
export function clockOf(given: (() => number) | Clock | undefined): Clock {
  if (typeof given === "function") return { ...machineClock, now: given };
  return given ?? machineClock;
}

/** Calls back when the event loop has turned: what has come meanwhile, a signal too, is first. */
export function afterTurn(callback: () => void): void {
  setTimeout(callback, 0);
}
