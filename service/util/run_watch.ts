/** A guest, as {@linkcode RunWatch} sees it. */
export interface Runner {
  /** Called when another guest begins to run. */
  leave(): void;
}

/** Reason why a running guest was stopped: `time` if its time is up, otherwise the number of a signal. */
export type Interruption = "time" | number;

/**
 * Measures the processor time of the running guest, and stops it. A stretch is the time from when a guest starts or
 * resumes until it waits or ends.
 */
export interface RunWatch {
  /**
   * Begins a stretch, and ends one of another guest.
   *
   * @param left Processor time that the stretch may take, in milliseconds; with 0 the guest ends at its next loop or call.
   */
  enter(runner: Runner, left: number): void;
  /**
   * Ends the stretch, if it is the guest's.
   *
   * @returns Reason why the guest was stopped in it; undefined if it was not.
   */
  leave(runner: Runner): Interruption | undefined;
  /** Processor time of this stretch, in milliseconds; never decreases. */
  readonly spent: number;
  /** Wall-clock time of this stretch up to the last reading of `spent`, in milliseconds. */
  readonly elapsed: number;
  /** Returns whether the running guest may go on; called at every hostcall. */
  mayGoOn(): boolean;
  /** Reason why {@linkcode RunWatch.mayGoOn} has returned false. */
  readonly interruption: Interruption;
  /** Stops the guest if it runs: it ends at its next loop, call or hostcall, even if it catches exceptions. */
  condemn(runner: Runner): void;
  /** Returns whether the memory limit has refused growth since the last call. */
  takeRefusal(): boolean;
}
