import type { ByteSource, Eventually } from "../service/http/bytes.ts";
import { refuse } from "../service/errors.ts";
import type { HeaderList } from "../service/http/headers.ts";

/**
 * Content of a client's request. A guest that closes the body does not cancel the source, since the request may still be
 * handed off. The source is cancelled when the body has been both closed and released.
 */
export class RetainedBody implements ByteSource {
  readonly #source: ByteSource;
  readonly #cancelSource: () => void;
  readonly #onMove: () => void;
  #released = false;
  #unwanted = false;
  #detached = false;

  /**
   * @param attempt Calls a function and reports an exception.
   * @param onMove Called at each read, which means that the reader has taken the last chunk.
   */
  constructor(
    source: ByteSource,
    attempt: (step: () => unknown) => void,
    onMove: () => void = () => {},
  ) {
    this.#source = source;
    this.#onMove = onMove;
    this.#cancelSource = () => attempt(() => source.cancel());
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  get trailers(): HeaderList | undefined {
    return this.#source.trailers;
  }

  read(): Eventually<Uint8Array | undefined> {
    if (this.#detached) refuse("failed", "Cannot read a body that was handed off");
    return this.#readSource();
  }

  keep(): void {
    this.#source.keep?.();
  }

  cancel(): void {
    this.#unwanted = true;
    this.#cancelWhole();
  }

  /** Ends the possibility of a handoff, so that closing the body cancels the source. */
  release(): void {
    this.#released = true;
    this.#cancelWhole();
  }

  /** Takes the source away from the guest, for a handoff. */
  detach(): ByteSource {
    this.#detached = true;
    const source = this.#source;
    return {
      get length() {
        return source.length;
      },
      get trailers() {
        return source.trailers;
      },
      read: () => this.#readSource(),
      cancel: (reason) => source.cancel(reason),
    };
  }

  #readSource(): Eventually<Uint8Array | undefined> {
    this.#onMove();
    return this.#source.read();
  }

  #cancelWhole(): void {
    if (this.#unwanted && this.#released && !this.#detached) this.#cancelSource();
  }
}
