import { Deadline, type Deadlines } from "./deadlines.ts";

/** Timeout on waiting for a backend, for work that no guest waits for. */
export interface Guard {
  /** Starts the timeout: the work begins to wait for its backend. */
  begin(): void;
  /** Ends the timeout: the backend has sent something, or the work is done. */
  end(): void;
}

/**
 * Makes a {@linkcode Guard}.
 *
 * @param stop Ends the work; gets the reason.
 * @param work Name of the work for the log, in words before "was ended".
 */
export type MakeGuard = (stop: (reason: string) => void, work: string) => Guard;

/** Parts of a service that its guards use. */
interface GuardOptions {
  readonly stalled: Deadlines;
  /** Whether the service is closing, which ends all work that waits. */
  readonly closing: () => boolean;
  /** Reports an event of `stall_time` to the log; returns the limit's name and value. */
  readonly met: (event: string) => string;
}

/** Returns a maker of guards that end work whose backend sends nothing for `stall_time`, or when the service closes. */
export function guardMaker({ stalled, closing, met }: GuardOptions): MakeGuard {
  return (stop, work) => {
    const expire = () => {
      if (closing()) return stop("the service is closing");
      const limit = met(`${work} was ended, as its backend sends nothing`);
      stop(`the backend has sent nothing: ${limit} is over`);
    };
    const deadline = new Deadline(expire);
    return {
      begin() {
        stalled.add(deadline);
        stalled.renew(deadline);
      },
      end: () => stalled.delete(deadline),
    };
  };
}
