/** Stretches shorter than this, in milliseconds, are measured by the wall clock alone. */
const SHORT = 20;

/**
 * Processor time of one stretch in which a guest runs without a pause. On a busy machine the thread waits for its turn,
 * and the guest must not pay for that. The platform tells the thread's time in steps of 10 ms, and a reading takes 12 us:
 * so the wall clock counts up to 20 ms at a time, and beyond that the thread's time is read.
 */
export class ProcessorClock {
  /** Milliseconds up to which the wall clock alone counts. */
  static readonly mostByWall: number = SHORT;
  readonly #threadMillis: (() => number) | undefined = threadClock();
  #start = 0;
  /** The thread's time at which the stretch began, once it is known. */
  #base: number | undefined;
  /** The wall clock and the milliseconds spent, at the last reading in this stretch or at its start. */
  #readAt = 0;
  #spentThen = 0;
  /** The most that was told of this stretch: the wall clock may have been ahead of the next reading. */
  #told = 0;
  /** The thread's time at the last reading, which may be of an earlier stretch. */
  #latest = 0;

  /** Begins a stretch. */
  start(): void {
    this.#start = this.#readAt = performance.now();
    this.#spentThen = this.#told = 0;
    this.#base = undefined;
  }

  /** Milliseconds since the start by the wall clock. */
  get wall(): number {
    return performance.now() - this.#start;
  }

  /** Milliseconds of processor time since the start; never less than at an earlier call. */
  get spent(): number {
    const now = performance.now();
    const since = now - this.#readAt;
    return this.#tell(since < SHORT ? this.#spentThen + since : this.#read(now));
  }

  /** As {@linkcode ProcessorClock.spent}, by the thread's time however short the stretch is. */
  read(): number {
    return this.#tell(this.#read(performance.now()));
  }

  #tell(millis: number): number {
    return this.#told = Math.max(this.#told, millis);
  }

  #read(now: number): number {
    const wall = now - this.#start;
    const thread = this.#threadMillis?.();
    if (thread === undefined) return wall;
    // The stretch began after the last reading: it cannot have taken more than the thread has since then.
    this.#base ??= thread - Math.min(wall, thread - this.#latest);
    this.#latest = thread;
    this.#readAt = now;
    return this.#spentThen = Math.min(wall, thread - this.#base);
  }
}

/** Tells the calling thread's processor time in milliseconds; undefined on platforms that cannot. */
function threadClock(): (() => number) | undefined {
  const { process } = globalThis as { process?: { threadCpuUsage?: () => NodeJS.CpuUsage } };
  if (typeof process?.threadCpuUsage !== "function") return undefined;
  return () => {
    const { user, system } = process.threadCpuUsage!();
    return (user + system) / 1000;
  };
}
