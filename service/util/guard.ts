import { Deadline, type Deadlines } from "./deadlines.ts";

/** Time in which a backend is waited for. */
export interface Guard {
  /** The backend is waited for from now on. */
  begin(): void;
  /** It is not waited for any more. */
  end(): void;
}

/**
 * Makes a guard of work that no guest waits for.
 *
 * @param stop Ends the work, for a reason.
 * @param what Is being done, for the log, in words before "was ended".
 */
export type Guards = (stop: (reason: string) => void, what: string) => Guard;

/** What {@linkcode guardsOver} needs of a service. */
interface GuardOptions {
  readonly stalled: Deadlines;
  /** Whether the service is closing, which ends all work that waits. */
  readonly closing: () => boolean;
  /** Notes that the limit was met; answers with the limit's name and value. */
  readonly met: (what: string) => string;
}

/** Guards that end work when its backend was waited for longer than `stall_time`, and when the service closes. */
export function guardsOver({ stalled, closing, met }: GuardOptions): Guards {
  return (stop, what) => {
    const expire = () => {
      if (closing()) return stop("the service is closing");
      const limit = met(`${what} was ended, as its backend sends nothing`);
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
