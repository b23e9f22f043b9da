import { setImmediate } from "node:timers";
import { machineClock } from "../service/util/clock.ts";

/** Longest time that code is rewritten before the event loop has a turn, in milliseconds. */
const TURN = 10;

/**
 * Runs the steps of long work with turns of the event loop in between, so that requests go on.
 *
 * @param steps Work that yields wherever it may pause.
 * @param clock Clock that measures the stretches between two turns.
 * @returns The result of the work.
 */
export async function inTurns<T>(
  steps: Iterator<void, T>,
  clock: { elapsed(): number } = machineClock,
): Promise<T> {
  let began = clock.elapsed();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (clock.elapsed() - began < TURN) continue;
    await turn();
    began = clock.elapsed();
  }
}

/** Resolves after a turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
