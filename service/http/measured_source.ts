import { type ByteSource, discard, isWhole, type Payload, wholeSource } from "./bytes.ts";
import { refuse } from "../errors.ts";

/**
 * Returns content that ends at a length.
 *
 * @param length Bytes; content that is shorter fails at its end when it is read.
 */
export function cutAt(body: Payload, length: number): Payload {
  if (!isWhole(body)) return new MeasuredSource(body, length);
  if (body.length < length) return new MeasuredSource(wholeSource(body), length);
  return body.length === length ? body : body.subarray(0, length);
}

/** A source that ends at its declared length, or fails if it is shorter. Bytes beyond the length are discarded. */
class MeasuredSource implements ByteSource {
  readonly trailers: undefined; // none can follow content that is framed by its length
  readonly #source: ByteSource;
  readonly #declared: number;
  #left: number;

  constructor(source: ByteSource, declared: number) {
    this.#source = source;
    this.#declared = this.#left = declared;
    if (declared === 0) void discard(source);
  }

  get length(): number {
    return this.#left;
  }

  read(): ReturnType<ByteSource["read"]> {
    if (this.#left === 0) return undefined;
    const chunk = this.#source.read();
    return chunk instanceof Promise ? chunk.then((chunk) => this.#take(chunk)) : this.#take(chunk);
  }

  cancel(reason?: unknown): void {
    this.#source.cancel(reason);
  }

  recycle(piece: Uint8Array): void {
    this.#source.recycle?.(piece);
  }

  #take(chunk: Uint8Array | undefined): Uint8Array | undefined {
    if (!chunk) {
      refuse(
        "http-incomplete",
        `the body is ${this.#left} bytes shorter than its Content-Length of ${this.#declared}`,
      );
    }
    const taken = chunk.length > this.#left ? chunk.subarray(0, this.#left) : chunk;
    this.#left -= taken.length;
    if (this.#left === 0) void discard(this.#source);
    return taken;
  }
}
