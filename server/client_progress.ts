/** Bytes of content that count as progress: fewer in all of the time are as good as none. */
const MIN_RECEIVED = 1024;

/** What a client has been seen to do, and what it is waited for, at one moment. */
export interface Observed {
  /** Bytes that the operating system has taken of all that was written. */
  readonly taken: number;
  /** Bytes that it has not taken yet. */
  readonly untaken: number;
  /** Bytes of content that have come. */
  readonly received: number;
  /** Whether somebody waits for content. */
  readonly awaited: boolean;
}

/** Counts for how many looks in a row a client has taken nothing that waits for it, or sent next to nothing. */
export class ClientProgress {
  #taken = 0;
  #looksUntaken = 0;
  #received = 0;
  #looksUnsent = 0;

  /** Looks for once; {@linkcode Observed} tells what is seen. */
  look({ taken, untaken, received, awaited }: Observed): void {
    this.#looksUntaken = untaken > 0 && taken === this.#taken ? this.#looksUntaken + 1 : 0;
    this.#taken = taken;
    if (awaited && received < this.#received + MIN_RECEIVED) this.#looksUnsent++;
    else {
      this.#looksUnsent = 0;
      this.#received = received;
    }
  }

  /** What the client has failed to do for more than so many looks; undefined if it does its part. */
  lacking(looks: number): "takes" | "sends" | undefined {
    if (this.#looksUntaken > looks) return "takes";
    return this.#looksUnsent > looks ? "sends" : undefined;
  }
}
