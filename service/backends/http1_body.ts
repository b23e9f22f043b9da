import type { ByteSource, Eventually } from "../http/bytes.ts";
import { SendError } from "../errors.ts";
import type { HeaderList } from "../http/headers.ts";
import { PieceQueue } from "../http/http1/piece_queue.ts";
import type { StallClock } from "../util/stall_clock.ts";

/** Connection of an {@linkcode Http1Body}. */
export interface BodyOwner {
  /** The backend's scheme, host and port, for messages. */
  readonly name: string;
  /** Called when buffered bytes were read, so that there may be room for more. */
  taken(): void;
  /** Called when nobody will read the rest of content that is still arriving. */
  dropped(): void;
  /** Takes back the memory of a piece. */
  recycle(piece: Uint8Array): void;
}

/** Time limit between two pieces of a body. */
export interface PieceTimeout {
  /** Milliseconds; undefined for no limit. */
  readonly betweenBytes?: number | undefined;
  readonly stallClock: StallClock;
}

/** Content of a response over HTTP/1: buffers bytes from their arrival until they are read. */
export class Http1Body implements ByteSource {
  readonly #owner: BodyOwner;
  readonly #timeout: PieceTimeout;
  readonly #pieces = new PieceQueue();
  #left: number | undefined;
  #complete = false;
  #trailers: HeaderList | undefined;
  #failure: SendError | undefined;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #stopTimer: (() => void) | undefined;

  /** @param length Content-Length, in bytes; undefined if the content is framed otherwise. */
  constructor(length: number | undefined, owner: BodyOwner, timeout: PieceTimeout) {
    this.#left = length;
    this.#owner = owner;
    this.#timeout = timeout;
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
  cutShort(error: SendError): void {
    if (this.#complete) return;
    this.#failure ??= error;
    this.#wake();
  }

  /** Fails it now, unless all of it has arrived; unread bytes are lost. */
  fail(error: SendError): void {
    if (this.#complete) return;
    this.#pieces.clear();
    this.cutShort(error);
  }

  read(): Eventually<Uint8Array | undefined> {
    const chunk = this.#take();
    return chunk === null ? this.#wait() : chunk;
  }

  cancel(): void {
    if (this.#complete) {
      this.#pieces.clear();
      return;
    }
    const message = `Cannot read the response of ${this.#owner.name}: nobody wanted the rest of it`;
    this.fail(new SendError("connection_terminated", message));
    this.#owner.dropped();
  }

  recycle(piece: Uint8Array): void {
    this.#owner.recycle(piece);
  }

  /** Returns buffered bytes; `undefined` at the end, `null` if a read has to wait. */
  #take(): Uint8Array | undefined | null {
    const chunk = this.#pieces.shift((piece) => this.#owner.recycle(piece));
    if (chunk) {
      if (this.#left !== undefined) this.#left -= chunk.length;
      if (!this.#complete) this.#owner.taken();
      return chunk;
    }
    if (this.#complete) return undefined;
    if (this.#failure) throw this.#failure;
    return null;
  }

  #wait(): Promise<Uint8Array | undefined> {
    const { betweenBytes, stallClock } = this.#timeout;
    const waiting = this.#waiting ??= Promise.withResolvers();
    if (betweenBytes !== undefined) {
      this.#stopTimer ??= stallClock.after(betweenBytes, () => this.#expire(betweenBytes));
    }
    return waiting.promise;
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
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #expire(ms: number): void {
    const message = `Cannot read the response of ${this.#owner.name}: nothing came for ${ms} ms`;
    this.cutShort(new SendError("http_response_timeout", message));
    this.#owner.dropped();
  }
}
