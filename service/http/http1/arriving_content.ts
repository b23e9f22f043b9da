import type { HostError } from "../../errors.ts";
import type { ByteSource, Eventually } from "../bytes.ts";
import type { HeaderList } from "../headers.ts";
import { PieceQueue } from "./piece_queue.ts";

/** Content of a message that is arriving: buffers bytes until they are read. */
export abstract class ArrivingContent implements ByteSource {
  readonly #pieces: PieceQueue;
  #left: number | undefined;
  #complete = false;
  #trailers: HeaderList | undefined;
  #failure: HostError | undefined;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  /**
   * @param length Content-Length, in bytes; undefined if the content is framed otherwise.
   * @param copied Called with each piece whose bytes were copied: nothing looks at it any more.
   */
  constructor(length: number | undefined, copied?: (piece: Uint8Array) => void) {
    this.#left = length;
    this.#pieces = new PieceQueue(copied);
  }

  /** Bytes that are buffered. */
  get buffered(): number {
    return this.#pieces.bytes;
  }

  get length(): number | undefined {
    return this.#left;
  }

  get trailers(): HeaderList | undefined {
    return this.#complete ? this.#trailers : undefined;
  }

  /** Whether all of it has arrived, read or not. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether a read waits for more bytes. */
  get awaited(): boolean {
    return this.#waiting !== undefined;
  }

  /** Adds bytes that have arrived. */
  push(piece: Uint8Array): void {
    if (this.#failure) return;
    this.#pieces.push(piece);
    this.#wake();
  }

  /** Notes that all of it has arrived. */
  finish(trailers: HeaderList | undefined): void {
    this.#complete = true;
    this.#trailers = trailers;
    this.#wake();
  }

  /** Notes that the rest will not arrive: once the buffered bytes are read, a read fails. */
  cutShort(error: HostError): void {
    if (this.#complete) return;
    this.#failure ??= error;
    this.#wake();
  }

  read(): Eventually<Uint8Array | undefined> {
    const chunk = this.#take();
    if (chunk !== null) return chunk;
    this.#waiting ??= Promise.withResolvers();
    this.waits(true);
    return this.#waiting.promise;
  }

  abstract cancel(): void;

  /** Drops the buffered bytes; with an error, reads fail from now on. */
  protected clear(error?: HostError): void {
    this.#pieces.clear();
    this.#failure ??= error;
    this.#wake();
  }

  /** Notes that buffered bytes were read, so that there may be room for more. */
  protected abstract taken(): void;

  /** Notes that a read waits for bytes, or does so no longer. */
  protected waits(_waits: boolean): void {}

  /** Returns buffered bytes; `undefined` at the end, `null` if a read has to wait. */
  #take(): Uint8Array | undefined | null {
    const chunk = this.#pieces.shift();
    if (chunk) {
      if (this.#left !== undefined) this.#left -= chunk.length;
      this.taken();
      return chunk;
    }
    if (this.#failure) throw this.#failure;
    return this.#complete ? undefined : null;
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    try {
      const chunk = this.#take();
      if (chunk === null) return;
      waiting.resolve(chunk);
    } catch (error) {
      waiting.reject(error);
    }
    this.#waiting = undefined;
    this.waits(false);
  }
}
