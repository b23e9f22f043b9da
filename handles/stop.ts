import { FramelessError } from "../service/errors.ts";
import { describeLimit, type LimitName, type LimitValues } from "../service/limits.ts";

/** Error that is thrown through a guest to end it, by its own `proc_exit` or by the host. */
export class Stop extends FramelessError {
  override readonly name: string = "Stop";
  /** Exit status that the guest has chosen; undefined if the host has stopped it. */
  readonly code: number | undefined;

  constructor(message: string, code?: number) {
    super(message);
    this.code = code;
  }
}

/** Error that ends a guest which has reached a limit. */
export class LimitReached extends Stop {
  override readonly name = "LimitReached";
  readonly limit: LimitName;
  /** Status of the response to a client that has had none. */
  readonly status: number;

  /** @param state State of the limit, as "wall_time 120s is over". */
  constructor(limit: LimitName, state: string, status = 500) {
    super(`The guest was stopped: ${state}`);
    this.limit = limit;
    this.status = status;
  }
}

/** Makes the error for a guest whose request has exceeded `wall_time`. */
export function overTime(limits: LimitValues): LimitReached {
  return new LimitReached("wall_time", `${describeLimit("wall_time", limits)} is over`, 504);
}

/** Error that ends a guest which has not yielded after a signal. */
export class SignalReceived extends Stop {
  override readonly name = "SignalReceived";

  /** @param signal Number of the signal. */
  constructor(readonly signal: number) {
    super("The guest was stopped: the process is about to end");
  }
}
