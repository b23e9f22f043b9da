/** Bytes of content that count as progress; a client that sends fewer within the time limit has stalled. */
const MIN_RECEIVED = 1024;

/** Byte counts of a connection at one check. */
interface ByteCounts {
  /** Bytes written to the client that the operating system has accepted. */
  readonly taken: number;
  /** Bytes written that it has not accepted yet. */
  readonly untaken: number;
  /** Bytes of content received from the client. */
  readonly received: number;
  /** Whether a read waits for content. */
  readonly awaited: boolean;
}

/** Counts consecutive checks in which a client read none of the bytes that wait for it, or sent almost none. */
export class ClientProgress {
  #taken = 0;
  #checksUntaken = 0;
  #received = 0;
  #checksUnsent = 0;

  /** Adds one check. */
  note({ taken, untaken, received, awaited }: ByteCounts): void {
    this.#checksUntaken = untaken > 0 && taken === this.#taken ? this.#checksUntaken + 1 : 0;
    this.#taken = taken;
    if (awaited && received < this.#received + MIN_RECEIVED) this.#checksUnsent++;
    else {
      this.#checksUnsent = 0;
      this.#received = received;
    }
  }

  /** Returns the direction that has stalled for more than `max` checks; undefined if neither has. */
  stallBeyond(max: number): "reading" | "sending" | undefined {
    if (this.#checksUntaken > max) return "reading";
    return this.#checksUnsent > max ? "sending" : undefined;
  }
}
