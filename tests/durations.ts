/**
 * Durations that tests may bound on a busy machine, too.
 *
 * @module
 */
import process from "node:process";

/** Number of tries of {@linkcode quickest}. */
const TRIES = 20;

/** Returns the processor time that this thread takes for some work, in milliseconds. */
export async function processorTime(work: () => unknown): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/**
 * Returns the shortest of several durations: a busy machine may hold up some of them, and does not hold up all.
 *
 * @param enough Duration in milliseconds. One that is shorter ends the tries.
 * @param time Returns the duration of one try, in milliseconds.
 */
export async function quickest(enough: number, time: () => Promise<number>): Promise<number> {
  let shortest = Infinity;
  for (let i = 0; i < TRIES && shortest >= enough; i++) shortest = Math.min(shortest, await time());
  return shortest;
}
