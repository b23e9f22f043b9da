import type { TestClock } from "../testing/clock.ts";

/** Advances a clock by `ms` milliseconds again and again, until the outcome is there. */
export async function lapse<T>(clock: TestClock, ms: number, outcome: Promise<T>): Promise<T> {
  let over = false;
  outcome.then(() => over = true, () => over = true);
  while (!over) {
    await clock.advance(ms);
    await new Promise((resolve) => setTimeout(resolve, 2)); // sockets have their turns
  }
  return await outcome;
}
