import type { HeaderList } from "../http/headers.ts";
import { joinedParts } from "../http/http1/joined_parts.ts";
import { trailerLines } from "../http/http1/trailers.ts";
import type { Http1Connection } from "./http1_connection.ts";
import type { RequestStream } from "./response_body.ts";

/**
 * Maximum size of a chunk that is copied, to be sent with its size in one write, in bytes. Three parts in one write cost
 * less than a copy of more (4 us against 7 for 16 KiB).
 */
const MAX_COPIED = 2 * 1024;

/** Content of a request as it is sent over HTTP/1: in chunks, or as it is. */
export class Http1Upload implements RequestStream {
  readonly #connection: Http1Connection;
  readonly #chunked: boolean;
  #closed = false;
  #onDrain: (() => void) | undefined;
  #onClose: (() => void) | undefined;
  /** Writes that the connection has not taken yet. */
  #unsent = 0;
  #whenSent: (() => void) | undefined;
  #ended = false;

  constructor(connection: Http1Connection, chunked: boolean) {
    this.#connection = connection;
    this.#chunked = chunked;
  }

  get destroyed(): boolean {
    return this.#closed || this.#connection.socket.destroyed;
  }

  write(chunk: Uint8Array, done?: () => void): boolean {
    if (done) this.#whenSent = done;
    const { socket } = this.#connection;
    const { length } = chunk;
    // A write of no bytes fails on Deno's TLS sockets (bench/empty_write.ts), and would be the last chunk of chunked content.
    if (length === 0) {
      if (this.#unsent === 0 && done) queueMicrotask(done);
      return !socket.writableNeedDrain;
    }
    this.#unsent++;
    if (!this.#chunked) return socket.write(chunk, this.#onSent);
    const size = `${length.toString(16)}\r\n`;
    if (length <= MAX_COPIED) {
      return socket.write(
        joinedParts([size, chunk, "\r\n"], size.length + length + 2),
        this.#onSent,
      );
    }
    socket.cork();
    socket.write(size, "latin1");
    socket.write(chunk);
    const room = socket.write("\r\n", "latin1", this.#onSent);
    socket.uncork();
    return room;
  }

  /**
   * Ends the content.
   *
   * @throws {TypeError} If a trailer field cannot be sent.
   */
  end(trailers: HeaderList | undefined): void {
    this.#ended = true;
    if (this.#chunked) {
      const last = `0\r\n${trailerLines(trailers)}\r\n`;
      this.#unsent++;
      this.#connection.socket.write(last, "latin1", this.#onSent);
    } else if (this.#unsent === 0) this.#connection.sent();
  }

  on(event: "drain" | "close", listener: () => void): void {
    if (event === "drain") this.#onDrain = listener;
    else this.#onClose = listener;
  }

  /** Notes that there is room for more. */
  onDrain(): void {
    this.#onDrain?.();
  }

  /** Notes that the connection is closed, or not the request's any more. */
  onClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose?.();
  }

  readonly #onSent = (error?: Error | null): void => {
    if (error) return; // the connection closes
    if (--this.#unsent > 0) return;
    this.#whenSent?.();
    if (this.#ended && !this.destroyed) this.#connection.sent();
  };
}
