/** Guest that runs, or is about to. */
export interface Runner {
  /** Another guest runs from now on. */
  leave(): void;
}

/** Why a guest was stopped while it ran: `time` if its time is up, else the number of a signal. */
export type Interruption = "time" | number;

/**
 * Measures and stops the one guest that runs. A stretch is the time from when a guest begins to run, or goes on, until it
 * waits or ends.
 */
export interface RunWatch {
  /**
   * Begins a stretch, and ends that of any other guest.
   *
   * @param left Milliseconds of processor time that it may take; with 0 the guest ends at its next loop or call.
   */
  enter(runner: Runner, left: number): void;
  /**
   * Ends the stretch, if it is the guest's.
   *
   * @returns Why the guest was stopped in it; undefined if it was not.
   */
  leave(runner: Runner): Interruption | undefined;
  /** Milliseconds of processor time in this stretch; never less than at an earlier reading. */
  readonly spent: number;
  /** Milliseconds of the wall clock in this stretch, until `spent` was last read. */
  readonly held: number;
  /** Returns whether the guest that runs may go on; every hostcall asks. */
  mayGoOn(): boolean;
  /** Why {@linkcode RunWatch.mayGoOn} has returned false. */
  readonly interruption: Interruption;
  /** Stops the guest if it runs: it ends at its next loop, call or hostcall, whatever it catches. */
  condemn(runner: Runner): void;
  /** Returns whether the memory limit has refused growth since the last call. */
  takeRefusal(): boolean;
}
