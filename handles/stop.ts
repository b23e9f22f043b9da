/** Thrown through a guest to end it: by its own `proc_exit`, or because nobody wants its work any more. */
export class Stop extends Error {
  override name = "Stop";
  /** The exit status that the guest chose; undefined when it was the host that stopped it. */
  readonly code: number | undefined;

  constructor(message: string, code?: number) {
    super(message);
    this.code = code;
  }
}

/** What ends a guest that has reached a limit. */
export class LimitReached extends Stop {
  override name = "LimitReached";

  /**
   * @param limit Its name.
   * @param extent Its value, and how far the guest came.
   */
  constructor(readonly limit: string, readonly extent: string) {
    super(`The guest was stopped: ${limit} ${extent}`);
  }
}

/** What ends a guest that did not pause when the process was asked to end. */
export class SignalReceived extends Stop {
  override name = "SignalReceived";

  /** @param signal The signal's number. */
  constructor(readonly signal: number) {
    super("The guest was stopped: the process is about to end");
  }
}
