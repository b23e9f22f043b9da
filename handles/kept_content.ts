import type { ByteSource, Eventually } from "../service/bytes.ts";
import { refuse } from "../service/errors.ts";
import type { HeaderList } from "../service/headers.ts";

/**
 * Content of a client's request. A guest that closes its body does not cancel it: the request may yet be handed off, so
 * that the source is cancelled only when it has been released, too.
 */
export class KeptContent implements ByteSource {
  readonly #source: ByteSource;
  readonly #cancelSource: () => void;
  #released = false;
  #unwanted = false;
  #detached = false;

  /** @param attempt Calls a function and reports what it throws. */
  constructor(source: ByteSource, attempt: (step: () => unknown) => void) {
    this.#source = source;
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
    return this.#source.read();
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
    return this.#source;
  }

  #cancelWhole(): void {
    if (this.#unwanted && this.#released && !this.#detached) this.#cancelSource();
  }
}
