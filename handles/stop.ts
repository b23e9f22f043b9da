import { FramelessError } from "../service/errors.ts";
import { describeLimit, type LimitName, type LimitValues } from "../service/limits.ts";

/** Thrown through a guest to end it: by its own `proc_exit`, or because nobody wants its work any more. */
export class Stop extends FramelessError {
  override readonly name: string = "Stop";
  /** The exit status that the guest chose; undefined when it was the host that stopped it. */
  readonly code: number | undefined;

  constructor(message: string, code?: number) {
    super(message);
    this.code = code;
  }
}

/** What ends a guest that has reached a limit. */
export class LimitReached extends Stop {
  override readonly name = "LimitReached";
  readonly limit: LimitName;
  /** What the client gets if it has had no response. */
  readonly status: number;

  /** @param state What became of the limit, as "wall_time 120s is over". */
  constructor(limit: LimitName, state: string, status = 500) {
    super(`The guest was stopped: ${state}`);
    this.limit = limit;
    this.status = status;
  }
}

/** For a guest whose request has taken as long as one may. */
export function overTime(limits: LimitValues): LimitReached {
  return new LimitReached("wall_time", `${describeLimit("wall_time", limits)} is over`, 504);
}

/** What ends a guest that did not pause when the process was asked to end. */
export class SignalReceived extends Stop {
  override readonly name = "SignalReceived";

  /** @param signal The signal's number. */
  constructor(readonly signal: number) {
    super("The guest was stopped: the process is about to end");
  }
}
