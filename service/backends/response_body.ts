import { type ByteSource, EMPTY, type Eventually } from "../http/bytes.ts";
import { SendError } from "../errors.ts";
import { HeaderList } from "../http/headers.ts";
import type { Clock } from "../util/clock.ts";
import type { StallClock } from "../util/stall_clock.ts";
import { incompleteResponse } from "./send_errors.ts";

/** Options of a {@linkcode ResponseBody}. */
interface ResponseBodyOptions {
  /** The backend's scheme, host and port, for messages. */
  readonly name: string;
  /** Content-Length, in bytes. */
  readonly length: number | undefined;
  /** Time limit between two pieces, in milliseconds. */
  readonly betweenBytes: number | undefined;
  /** Clock of that limit. */
  readonly stallClock: StallClock;
}

/** Stream that a response's body arrives on. */
export interface ResponseStream {
  /** Whether all of it has arrived, trailers too. */
  readonly complete: boolean;
  /** Names and values of the trailer fields, in order. */
  readonly rawTrailers?: readonly string[];
  /** Returns the bytes that have arrived and were not read; null if there are none. */
  read(): Uint8Array | null;
  /** If `complete` is false at `close`, the body was cut short. */
  on(event: "readable" | "end" | "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Closes the stream. */
  destroy(): void;
}

/** Body of a response, which reads the socket only as fast as its own reader reads. */
export class ResponseBody implements ByteSource {
  readonly #message: ResponseStream;
  readonly #name: string;
  readonly #betweenBytes: number | undefined;
  readonly #stallClock: StallClock;
  #left: number | undefined;
  #error: SendError | undefined;
  #wake: (() => void) | undefined;
  #listening = false;
  #ended = false;

  constructor(
    message: ResponseStream,
    { name, length, betweenBytes, stallClock }: ResponseBodyOptions,
  ) {
    this.#message = message;
    this.#name = name;
    this.#left = length;
    this.#betweenBytes = betweenBytes;
    this.#stallClock = stallClock;
    message.on("error", (error) => {
      this.fail(error instanceof SendError ? error : incompleteResponse(name, error));
    });
    message.on("end", () => this.#ended = true);
    message.on("close", () => {
      if (this.complete) this.#wake?.();
      else this.fail(incompleteResponse(name));
    });
  }

  get length(): number | undefined {
    return this.#left;
  }

  get trailers(): HeaderList | undefined {
    const { rawTrailers } = this.#message;
    return this.complete && rawTrailers?.length ? new HeaderList(rawTrailers) : undefined;
  }

  /** Whether all of it has arrived, read or not. */
  get complete(): boolean {
    return this.#ended || this.#message.complete;
  }

  /** Whether it has failed: a read throws. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  read(): Eventually<Uint8Array | undefined> {
    if (this.#error) throw this.#error;
    const chunk = this.#message.read();
    if (chunk) {
      if (this.#left !== undefined) this.#left -= chunk.length;
      return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    }
    if (!this.complete) return this.#wait();
    if (this.#left) throw incompleteResponse(this.#name);
    return undefined;
  }

  cancel(): void {
    if (this.complete) {
      while (this.#message.read()); // at its end the message releases its connection
      return;
    }
    this.fail(
      new SendError(
        "connection_terminated",
        `Cannot read the response of ${this.#name}: nobody wanted the rest of it`,
      ),
    );
    this.#message.destroy();
  }

  /** Fails the body, unless it has failed already; unread bytes are lost. */
  fail(error: SendError): void {
    this.#error ??= error;
    this.#wake?.();
  }

  async #wait(): Promise<Uint8Array | undefined> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    this.#listen();
    const cancel = this.#betweenBytes === undefined
      ? undefined
      : this.#stallClock.after(this.#betweenBytes, () => this.#expire());
    await promise;
    cancel?.();
    this.#wake = undefined;
    return this.read();
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#message.on("readable", () => this.#wake?.());
    this.#message.on("end", () => this.#wake?.());
  }

  #expire(): void {
    this.fail(
      new SendError(
        "http_response_timeout",
        `Cannot read the response of ${this.#name}: nothing came for ${this.#betweenBytes} ms`,
      ),
    );
    this.#message.destroy();
  }
}

/** Time limit on sending what was written before a body failed, in milliseconds. */
const MAX_FLUSH_MS = 1000;

/** Stream that a request's body is sent on. */
export interface RequestStream {
  readonly destroyed: boolean;
  /**
   * Writes bytes.
   *
   * @param done Called when they, and all bytes before them, were sent.
   * @returns Whether there is room for more; if not, `drain` follows.
   */
  write(chunk: Uint8Array, done?: () => void): boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
}

/**
 * Sends a request's body as it arrives, no faster than the connection takes it. Resolves when all of it was written, or
 * the connection is closed. Rejects if the source fails, once all bytes before that were sent.
 *
 * @param end Ends the message, with trailers if there are any.
 * @param clock Clock of the time limit on the last bytes of a failed body.
 */
export async function sendBody(
  wire: RequestStream,
  source: ByteSource,
  end: (trailers: HeaderList | undefined) => void,
  clock: Clock,
): Promise<void> {
  let done = false;
  let wake: (() => void) | undefined;
  wire.on("drain", () => wake?.());
  wire.on("close", () => {
    if (!done) {
      source.cancel(new Error("Cannot send the rest of the body: the connection is closed"));
    }
    wake?.();
  });
  try {
    for (;;) {
      const read = source.read();
      const chunk = read instanceof Promise ? await read : read;
      if (wire.destroyed) return;
      if (!chunk) break;
      if (!wire.write(chunk)) await new Promise<void>((resolve) => wake = resolve);
      if (wire.destroyed) return;
    }
  } catch (error) {
    done = true;
    await new Promise<void>((resolve) => {
      const stopTimer = clock.after(MAX_FLUSH_MS, resolve);
      wake = () => {
        stopTimer();
        resolve();
      };
      if (wire.destroyed) wake();
      else wire.write(EMPTY, wake);
    });
    throw error;
  }
  done = true;
  end(source.trailers?.size ? source.trailers : undefined);
}
