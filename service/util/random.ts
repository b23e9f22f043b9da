/** Maximum number of bytes of one call of `crypto.getRandomValues`. */
const MAX_AT_ONCE = 65_536;
/** Bytes that one call fetches ahead for short requests. */
const AHEAD = 4096;
/** Longest request that is served from these bytes. */
const MAX_SHORT = 256;

/** Source of random bytes for guests. */
export class Random {
  readonly #fill: (bytes: Uint8Array) => void;
  readonly #ahead: Uint8Array<ArrayBuffer> | undefined;
  #used = AHEAD;

  /** @param fill Fills an array with random bytes; by default `crypto.getRandomValues`. */
  constructor(fill: ((bytes: Uint8Array) => void) | undefined) {
    this.#fill = fill ?? fillSecurely;
    if (!fill) this.#ahead = new Uint8Array(AHEAD);
  }

  /** Returns `count` random bytes, which are valid until the next call. */
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
