/** Stretches shorter than this, in milliseconds, are measured by the wall clock alone. */
const SHORT = 20;

/**
 * Clock of the processor time of one stretch, in which a guest runs without a pause. Time during which a busy machine
 * runs other processes does not count. Deno measures a thread's time in steps of 10 ms, at 12 us a reading
 * (bench/processor_time.ts), so the wall clock counts for up to 20 ms, and the thread's time is read beyond that.
 */
export class ProcessorClock {
  /** Milliseconds up to which the wall clock alone counts. */
  static readonly maxByWall: number = SHORT;
  readonly #threadMillis: (() => number) | undefined = threadClock();
  #start = 0;
  /** The wall clock at the last reading. */
  #now = 0;
  /** Thread time at which the stretch began, once it is known. */
  #base: number | undefined;
  /** Wall clock at the last reading in this stretch, or at its start, and the milliseconds spent by then. */
  #readAt = 0;
  #spentThen = 0;
  /** Largest value returned for this stretch, since a value by the wall clock may be ahead of the next reading. */
  #told = 0;
  /** Thread time at the last reading, which may be of an earlier stretch. */
  #latest = 0;

  /** Begins a stretch. */
  start(): void {
    this.#start = this.#now = this.#readAt = performance.now();
    this.#spentThen = this.#told = 0;
    this.#base = undefined;
  }

  /** Milliseconds of the wall clock from the start to the last reading. */
  get wall(): number {
    return this.#now - this.#start;
  }

  /** Milliseconds of processor time since the start; never less than at an earlier call. */
  get spent(): number {
    const now = this.#now = performance.now();
    const since = now - this.#readAt;
    return this.#tell(since < SHORT ? this.#spentThen + since : this.#read(now));
  }

  /** Returns {@linkcode ProcessorClock.spent} by the thread's time, however short the stretch is. */
  read(): number {
    return this.#tell(this.#read(this.#now = performance.now()));
  }

  #tell(millis: number): number {
    return this.#told = Math.max(this.#told, millis);
  }

  #read(now: number): number {
    const wall = now - this.#start;
    const thread = this.#threadMillis?.();
    if (thread === undefined) return wall;
    // The stretch began after the last reading, so it has taken at most the thread's time since then.
    this.#base ??= thread - Math.min(wall, thread - this.#latest);
    this.#latest = thread;
    this.#readAt = now;
    return this.#spentThen = Math.min(wall, thread - this.#base);
  }
}

/** Returns a clock of the calling thread's processor time in milliseconds; undefined where the platform has none. */
function threadClock(): (() => number) | undefined {
  const { process } = globalThis as { process?: { threadCpuUsage?: () => NodeJS.CpuUsage } };
  if (typeof process?.threadCpuUsage !== "function") return undefined;
  return () => {
    const { user, system } = process.threadCpuUsage!();
    return (user + system) / 1000;
  };
}
