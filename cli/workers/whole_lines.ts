import { concat } from "../../service/http/bytes.ts";

const NEWLINE = 10;
/** Time after which an incomplete line is written, in milliseconds: a guest may print without a newline. */
const PARTIAL_MILLIS = 50;
/** Maximum number of bytes of one line that are buffered. */
const MAX_HELD = 1 << 20;

/** Passes on a worker's output in whole lines, so that lines of several workers do not mix. */
export class WholeLines {
  readonly #write: (bytes: Uint8Array) => void;
  #held: Uint8Array[] = [];
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param write Called with one or more lines. */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** Buffers output, and passes on all lines that are complete. */
  take(bytes: Uint8Array): void {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#hold(bytes.subarray(0, end));
      this.flush();
      if (end < bytes.length) this.#hold(bytes.slice(end));
    } else this.#hold(bytes.slice());
    if (this.#bytes > MAX_HELD) this.flush();
    else if (this.#bytes) this.#timer ??= setTimeout(() => this.flush(), PARTIAL_MILLIS);
  }

  /** Passes on an incomplete line. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#bytes) return;
    const all = concat(this.#held);
    this.#held = [];
    this.#bytes = 0;
    this.#write(all);
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#bytes += bytes.length;
  }
}
