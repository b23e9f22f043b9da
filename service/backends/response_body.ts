import { type ByteSource, EMPTY, type Eventually } from "../http/bytes.ts";
import { SendError } from "../errors.ts";
import { HeaderList } from "../http/headers.ts";
import type { Clock } from "../util/clock.ts";
import type { StallClock } from "../util/stall_clock.ts";
import { incompleteResponse } from "./send_errors.ts";

/** What {@linkcode ResponseBody} needs to know beside the message. */
export interface ResponseBodyOptions {
  /** The backend's scheme, host and port, for messages. */
  readonly name: string;
  /** From Content-Length, in bytes. */
  readonly length: number | undefined;
  /** The longest wait for a piece, in milliseconds. */
  readonly betweenBytes: number | undefined;
  /** What counts them. */
  readonly stallClock: StallClock;
}

/** What a body arrives in: a message of `node:http`, or a stream of HTTP/2. */
export interface ResponseStream {
  /** Whether all of it has arrived, trailers too; before Deno 2.9 only the event `end` tells. */
  readonly complete: boolean;
  /** Names and values in order; before Deno 2.9 there are none. */
  readonly rawTrailers?: readonly string[];
  /** What is at hand. */
  read(): Uint8Array | null;
  /** `close` without `complete` says that it was cut short. */
  on(event: "readable" | "end" | "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Closes what it arrives on. */
  destroy(): void;
}

/** A response's body, taken off the socket only as fast as it is read. */
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

  /** Whether it has ended badly: a read throws. */
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
      while (this.#message.read()); // at its end the message gives its connection back
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

  /** Ends it badly, unless that has happened; bytes not yet read are lost. */
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

/** How long what was written before a body failed may take to go out, in milliseconds. */
const MAX_FLUSH_MS = 1000;

/** What a body leaves on. */
export interface RequestStream {
  readonly destroyed: boolean;
  /**
   * Answers whether there is room for more; if not, `drain` tells when.
   *
   * @param done Called when the bytes, and all before them, have gone out.
   */
  write(chunk: Uint8Array, done?: () => void): boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
}

/**
 * Sends a request's body as it arrives, no faster than the connection takes it.
 * Resolves when all of it is handed over, or the connection has gone. Rejects when the source fails, once what came
 * before that has gone out.
 *
 * @param end Ends the message, with trailers if there are any.
 * @param clock What the time for what comes last runs by.
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
