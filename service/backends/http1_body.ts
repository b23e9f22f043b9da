import { SendError } from "../errors.ts";
import { ArrivingContent } from "../http/http1/arriving_content.ts";
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

/** Content of a response over HTTP/1 that is arriving. */
export class Http1Body extends ArrivingContent {
  readonly #owner: BodyOwner;
  readonly #timeout: PieceTimeout;
  #stopTimer: (() => void) | undefined;

  /** @param length Content-Length, in bytes; undefined if the content is framed otherwise. */
  constructor(length: number | undefined, owner: BodyOwner, timeout: PieceTimeout) {
    super(length, (piece) => owner.recycle(piece));
    this.#owner = owner;
    this.#timeout = timeout;
  }

  /** Fails it now, unless all of it has arrived; unread bytes are lost. */
  fail(error: SendError): void {
    if (!this.complete) this.clear(error);
  }

  cancel(): void {
    if (this.complete) return this.clear();
    const message = `Cannot read the response of ${this.#owner.name}: nobody wanted the rest of it`;
    this.clear(new SendError("connection_terminated", message));
    this.#owner.dropped();
  }

  recycle(piece: Uint8Array): void {
    this.#owner.recycle(piece);
  }

  protected taken(): void {
    if (!this.complete) this.#owner.taken();
  }

  protected override waits(waits: boolean): void {
    const { betweenBytes, stallClock } = this.#timeout;
    if (betweenBytes === undefined) return;
    if (waits) {
      this.#stopTimer ??= stallClock.after(betweenBytes, () => this.#expire(betweenBytes));
    } else {
      this.#stopTimer?.();
      this.#stopTimer = undefined;
    }
  }

  #expire(ms: number): void {
    const message = `Cannot read the response of ${this.#owner.name}: nothing came for ${ms} ms`;
    this.cutShort(new SendError("http_response_timeout", message));
    this.#owner.dropped();
  }
}
