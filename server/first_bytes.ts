import { Buffer } from "node:buffer";
import type { ByteStream } from "./byte_stream.ts";

/** The beginning of a connection, once it is whole. */
export interface Beginning<T> {
  readonly value: T;
  /** Number of bytes that are used up; the rest stays in the stream. */
  readonly taken: number;
}

/** Bounds on the beginning of a connection. */
interface FirstBounds {
  readonly bytes: number;
  readonly millis: number;
}

/** Error for a connection whose first bytes are not valid, or do not arrive in time. */
export class FirstBytesError extends Error {
  override name = "FirstBytesError";
  /** Whether bytes have come; a client that only opens and closes connections sends none. */
  readonly begun: boolean;

  constructor(message: string, begun = true) {
    super(message);
    this.begun = begun;
  }
}

/**
 * Reads the first bytes of a connection, however they are cut into pieces, and puts the bytes after them back.
 *
 * @param look Returns the beginning once it is whole; undefined if more bytes are needed. Throws a
 * {@linkcode FirstBytesError} for bytes that cannot be one.
 * @param bounds Bytes and time within which it must be whole.
 * @returns Resolves when it is whole. The stream is paused then.
 * @throws {FirstBytesError} If it will not be. The stream is left as it is: the caller closes it.
 */
export function readFirst<T>(
  stream: ByteStream,
  look: (bytes: Buffer) => Beginning<T> | undefined,
  { bytes: max, millis }: FirstBounds,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const gathered = new Gathered();
  const stop = () => {
    clearTimeout(timer);
    stream.off("data", onData);
    stream.off("end", onEnd);
    stream.off("close", onEnd);
    stream.pause();
  };
  const fail = (error: unknown) => {
    stop();
    reject(error);
  };
  const onData = (chunk: Buffer) => {
    const bytes = gathered.add(chunk);
    try {
      const found = look(bytes);
      if (found) {
        stop();
        if (found.taken < bytes.length) stream.unshift(bytes.subarray(found.taken));
        resolve(found.value);
      } else if (bytes.length >= max) {
        fail(new FirstBytesError(`the client begins with more than ${max} bytes`));
      }
    } catch (error) {
      fail(error);
    }
  };
  const onEnd = () => {
    const begun = gathered.length > 0;
    fail(new FirstBytesError("the client has left before it was complete", begun));
  };
  const late = () => {
    fail(
      new FirstBytesError(
        `the client has not sent all of its first message in ${millis / 1000} s`,
        gathered.length > 0,
      ),
    );
  };
  const timer = setTimeout(late, millis);
  stream.on("data", onData);
  stream.on("end", onEnd);
  stream.on("close", onEnd);
  stream.resume();
  return promise;
}

/** Bytes in a buffer that grows by doubling: each is copied a few times only, also if they come one by one. */
class Gathered {
  #buffer: Buffer = Buffer.alloc(0);
  length = 0;

  /** Adds a piece; returns all bytes until now. */
  add(piece: Buffer): Buffer {
    const length = this.length + piece.length;
    if (this.length === 0) {
      this.#buffer = piece;
    } else {
      if (length > this.#buffer.length) {
        const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#buffer.length, 512));
        this.#buffer.copy(grown, 0, 0, this.length);
        this.#buffer = grown;
      }
      piece.copy(this.#buffer, this.length);
    }
    this.length = length;
    return this.#buffer.subarray(0, length);
  }
}
