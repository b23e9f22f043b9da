import { Buffer } from "node:buffer";

/** Bytes of later requests that are buffered; beyond it the connection is paused. */
const MAX_BYTES = 64 * 1024;

/** Bytes that arrive behind the request that is being answered (RFC 9112, section 9.3.2: pipelining). */
export class PipelinedBytes {
  #pieces: Buffer[] = [];
  #size = 0;

  get empty(): boolean {
    return this.#size === 0;
  }

  /** Whether there are so many that the connection has to pause. */
  get full(): boolean {
    return this.#size > MAX_BYTES;
  }

  push(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
  }

  /** Returns all bytes, joined, and forgets them. */
  take(): Buffer {
    const [first] = this.#pieces;
    const bytes = first && this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#size = 0;
    return bytes;
  }
}
