import { describeLimit, type LimitValues } from "../service/limits.ts";

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

/** A {@linkcode Stop} because of a limit. */
export class LimitStop extends Stop {
  /** The limit with its value. */
  readonly limit: string;
  /** What the client gets if it has had no response. */
  readonly status: number;

  constructor(message: string, limit: string, status: number) {
    super(message);
    this.limit = limit;
    this.status = status;
  }
}

/** For a guest whose request has taken as long as one may. */
export function overTime(limits: LimitValues): LimitStop {
  const limit = describeLimit("wall_time", limits);
  return new LimitStop(`The guest was stopped: ${limit} is over`, limit, 504);
}
