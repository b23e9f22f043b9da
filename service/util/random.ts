/** The most bytes that the platform gives at a time. */
const MAX_AT_ONCE = 65_536;
/** Bytes that are fetched ahead: a call into the platform costs more than what it brings. */
const AHEAD = 4096;
/** What is longer is fetched by itself. */
const MAX_SHORT = 256;

/** Random bytes for guests. */
export class Random {
  readonly #fill: (bytes: Uint8Array) => void;
  readonly #ahead: Uint8Array<ArrayBuffer> | undefined;
  #used = AHEAD;

  /** @param fill Fills bytes in place of the platform's secure source. */
  constructor(fill: ((bytes: Uint8Array) => void) | undefined) {
    this.#fill = fill ?? fillSecurely;
    if (!fill) this.#ahead = new Uint8Array(AHEAD);
  }

  /** So many bytes, valid until the next call. */
  bytes(count: number): Uint8Array {
    if (!this.#ahead || count > MAX_SHORT) {
      const bytes = new Uint8Array(count);
      this.#fill(bytes);
      return bytes;
    }
    if (this.#used + count > AHEAD) {
      this.#fill(this.#ahead);
      this.#used = 0;
    }
    return this.#ahead.subarray(this.#used, this.#used += count);
  }
}

function fillSecurely(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += MAX_AT_ONCE) {
    crypto.getRandomValues(bytes.subarray(at, at + MAX_AT_ONCE) as Uint8Array<ArrayBuffer>);
  }
}
