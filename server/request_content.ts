import type { ByteSource, Eventually } from "../service/http/bytes.ts";
import { HostError, refuse } from "../service/errors.ts";
import type { HeaderList } from "../service/http/headers.ts";
import { PieceQueue } from "../service/http/http1/piece_queue.ts";

/** Callbacks of a {@linkcode RequestContent}, to its connection. */
export interface ContentOwner {
  /** Called on the first read: `100 Continue` is sent now (RFC 9110, section 10.1.1). */
  firstRead(content: RequestContent): void;
  /** Called when buffered bytes were read, so that there may be room for more. */
  taken(): void;
  /** Called when the content was cancelled: it will not be read any more. */
  dropped(): void;
}

/** Content of a request: buffers bytes from their arrival until they are read. */
export class RequestContent implements ByteSource {
  readonly #owner: ContentOwner;
  readonly #pieces = new PieceQueue();
  #left: number | undefined;
  #complete = false;
  #trailers: HeaderList | undefined;
  #failure: HostError | undefined;
  #dropped = false;
  #kept = false;
  #read = false;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  /** @param length Content-Length, in bytes; undefined for chunked content. */
  constructor(length: number | undefined, owner: ContentOwner) {
    this.#left = length;
    this.#owner = owner;
  }

  /** Bytes that are buffered. */
  get buffered(): number {
    return this.#pieces.bytes;
  }

  get length(): number | undefined {
    return this.#complete ? this.buffered : this.#left;
  }

  get trailers(): HeaderList | undefined {
    return this.#complete ? this.#trailers : undefined;
  }

  /** Whether all of the content has arrived, read or not. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether the content was cancelled. */
  get dropped(): boolean {
    return this.#dropped;
  }

  /** Whether a read waits for more bytes. */
  get awaited(): boolean {
    return this.#waiting !== undefined;
  }

  /** Whether it is read to its end, or cancelled, though its request may be over. */
  get kept(): boolean {
    return this.#kept && !this.#dropped;
  }

  keep(): void {
    this.#kept = true;
  }

  /** Adds bytes that have arrived. */
  push(piece: Uint8Array): void {
    if (this.#dropped) return;
    this.#pieces.push(piece);
    this.#wake();
  }

  /** Notes that all of the content has arrived. */
  finish(trailers: HeaderList | undefined): void {
    this.#complete = true;
    this.#trailers = trailers;
    this.#wake();
  }

  /** Notes that the rest will not arrive: once the buffered bytes are read, a read fails. */
  fail(reason: string): void {
    if (this.#complete || this.#failure) return;
    this.#failure = new HostError("http-incomplete", `Cannot read the request's body: ${reason}`);
    this.#wake();
  }

  read(): Eventually<Uint8Array | undefined> {
    if (!this.#read) {
      this.#read = true;
      this.#owner.firstRead(this);
    }
    const chunk = this.#take();
    return chunk === null ? (this.#waiting ??= Promise.withResolvers()).promise : chunk;
  }

  cancel(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#pieces.clear();
    this.#wake();
    this.#owner.dropped();
  }

  /** Returns the buffered bytes; `undefined` at the end, `null` if a read has to wait. */
  #take(): Uint8Array | undefined | null {
    if (this.#dropped) refuse("failed", "Cannot read a request's body that was given up");
    const chunk = this.#pieces.shift();
    if (chunk) {
      if (this.#left !== undefined) this.#left -= chunk.length;
      this.#owner.taken();
      return chunk;
    }
    if (this.#complete) return undefined;
    if (this.#failure) throw this.#failure;
    return null;
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
  }
}
