import type { ByteSource, Eventually } from "../service/http/bytes.ts";
import { refuse } from "../service/errors.ts";
import type { HeaderList } from "../service/http/headers.ts";

/**
 * Content of a client's request. A guest that closes its body does not cancel it: the request may yet be handed off, so
 * that the source is cancelled only when it has been released, too.
 */
export class RetainedBody implements ByteSource {
  readonly #source: ByteSource;
  readonly #cancelSource: () => void;
  readonly #onMove: () => void;
  #released = false;
  #unwanted = false;
  #detached = false;

  /**
   * @param attempt Calls a function and reports what it throws.
   * @param onMove Called when somebody reads, who has taken what was read before.
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

  /** Nobody but the guest reads it from now on. */
  release(): void {
    this.#released = true;
    this.#cancelWhole();
  }

  /** Takes the source away from the guest. */
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
