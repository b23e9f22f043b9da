import { machineClock } from "../service/util/clock.ts";
import { turn } from "../service/util/turns.ts";

/** Longest time that code is rewritten before the event loop has a turn, in milliseconds. */
const TURN = 10;
/** Number of turns of a head start. */
const HEAD_START = 6;

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

/** Runs the steps of long work without a pause. */
export function atOnce<T>(steps: Iterator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/**
 * Resolves when work that runs in turns has had a head start of some 60 ms, or has ended: on a machine with two processors
 * V8 has one thread for compiling, which optimises the code that does the work first.
 */
export async function afterHeadStart(): Promise<void> {
  for (let turns = 0; turns < HEAD_START; turns++) await turn();
}
