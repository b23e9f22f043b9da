import type { IncomingMessage } from "node:http";
import type { ByteSource, Eventually } from "../service/bytes.ts";
import { refuse } from "../service/errors.ts";
import { HeaderList } from "../service/headers.ts";

/** What a look at the message finds: bytes, the end (`undefined`), or nothing yet (`null`). */
type Found = Uint8Array | undefined | null;

/** The content of a request, taken from its socket no faster than somebody reads. */
export class RequestBody implements ByteSource {
  readonly #message: IncomingMessage;
  #left: number | undefined;
  #beforeFirst: (() => void) | undefined;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #listening = false;
  #released = false;

  /**
   * @param length What Content-Length says, if it is there.
   * @param beforeFirst Called once, when somebody wants to read: the moment to send `100 Continue`.
   */
  constructor(message: IncomingMessage, length: number | undefined, beforeFirst?: () => void) {
    this.#message = message;
    this.#left = length;
    this.#beforeFirst = beforeFirst;
    // Marks the message as being read, or node discards it when the response is out,
    // while a guest may still want it.
    message.read(0);
  }

  get length(): number | undefined {
    if (this.#left !== undefined) return this.#left;
    return this.#message.complete ? this.#message.readableLength : undefined;
  }

  get trailers(): HeaderList | undefined {
    const raw = this.#message.rawTrailers;
    return this.#message.complete && raw.length ? new HeaderList(raw) : undefined;
  }

  read(): Eventually<Uint8Array | undefined> {
    this.#beforeFirst?.();
    this.#beforeFirst = undefined;
    const found = this.#take();
    return found === null ? this.#wait() : found;
  }

  cancel(): void {
    // A client that still waits for its 100 has sent nothing that could be discarded.
    if (!this.#beforeFirst) this.release();
  }

  /** Discards what is left, so that the connection's next request can come through. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#message.off("readable", this.#wake);
    this.#message.resume();
    this.#wake();
  }

  #take(): Found {
    const message = this.#message;
    if (this.#released) refuse("failed", "Cannot read a request's body that was given up");
    const chunk = message.read() as Uint8Array | null;
    if (chunk !== null) {
      if (this.#left !== undefined) this.#left -= chunk.length;
      return chunk;
    }
    if (message.complete) return undefined;
    if (message.destroyed) {
      refuse("http-incomplete", "Cannot read the request's body to its end: the client has left");
    }
    return null;
  }

  #wait(): Promise<Uint8Array | undefined> {
    if (!this.#listening) {
      this.#listening = true;
      this.#message.on("readable", this.#wake);
      this.#message.on("close", this.#wake);
    }
    return (this.#waiting ??= Promise.withResolvers()).promise;
  }

  readonly #wake = (): void => {
    const waiting = this.#waiting;
    if (!waiting) return;
    try {
      const found = this.#take();
      if (found === null) return;
      waiting.resolve(found);
    } catch (error) {
      waiting.reject(error);
    }
    this.#waiting = undefined;
  };
}
