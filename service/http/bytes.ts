import { HostError, refuse } from "../errors.ts";
import type { Eventually } from "../util/eventually.ts";
import type { HeaderList } from "./headers.ts";

export type { Eventually } from "../util/eventually.ts";

/** Bytes that arrive over time, pulled by one reader, one `read` at a time. */
export interface ByteSource {
  /** How many bytes are still to come, when that is certain. */
  readonly length: number | undefined;
  /** The fields after the last byte; complete once {@linkcode ByteSource.read} has answered `undefined`. */
  readonly trailers: HeaderList | undefined;
  /** The next bytes, never none, or `undefined` at the end. Throws or rejects when the message is cut short. */
  read(): Eventually<Uint8Array | undefined>;
  /** Says that nobody will read on; what feeds the source may stop. */
  cancel(reason?: unknown): void;
  /** Whether more comes only if one run of a program itself writes it. */
  isHeldBy?(run: object): boolean;
}

/** The content of a message: all of it at hand, or still arriving. */
export type Payload = Uint8Array | ByteSource;

/** Counts the bytes that several holders have at hand. */
export interface ByteCounter {
  bytes: number;
}

export const EMPTY: Uint8Array = new Uint8Array();

/** What Content-Length may say of the payload; undefined when it must be chunked, as before trailers. */
export function declarableLength(payload: Payload): number | undefined {
  return isWhole(payload) || !payload.trailers?.size ? payload.length : undefined;
}

export function isWhole(payload: Payload): payload is Uint8Array {
  return payload instanceof Uint8Array;
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Reads to the end. */
export async function collect(payload: Payload): Promise<Uint8Array> {
  if (isWhole(payload)) return payload;
  const chunks: Uint8Array[] = [];
  for (let chunk; (chunk = await payload.read());) chunks.push(chunk);
  return concat(chunks);
}

/** How much of an unwanted body is read, in bytes, before its writer is told. */
const MAX_DISCARDED = 1 << 20;

/** Reads and keeps nothing, so that whoever writes what nobody wants is not held up, or told, unless it is much. */
export async function discard(payload: Payload): Promise<void> {
  if (isWhole(payload)) return;
  try {
    let left = MAX_DISCARDED;
    for (let chunk; left > 0 && (chunk = await payload.read());) left -= chunk.length;
  } catch {
    // What nobody wanted has failed.
  }
  payload.cancel(new Error("Nobody wants the rest of the body"));
}

/** A web stream as a source. `length` is what its sender declared, if it did. */
export function fromReadable(
  stream: ReadableStream<Uint8Array>,
  length?: number,
): ByteSource {
  const reader = stream.getReader();
  let left = length;
  return {
    get length() {
      return left;
    },
    trailers: undefined,
    async read() {
      for (;;) {
        const { done, value } = await reader.read().catch(cutShort);
        if (done) return undefined;
        if (left !== undefined) left = Math.max(0, left - value.length);
        if (value.length) return value;
      }
    },
    cancel: (reason) => void reader.cancel(reason).catch(() => {}),
  };
}

/** Whatever a stream fails with, its reader has a message without an end. */
function cutShort(error: unknown): never {
  if (error instanceof HostError) throw error;
  const reason = error instanceof Error ? error.message : String(error);
  refuse("http-incomplete", `Cannot read on: the stream has failed: ${reason}`, error);
}

/** A source as a web stream, which pulls no further ahead than its own reader. */
export function toReadable(
  source: ByteSource,
  settled?: (error?: unknown) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      try {
        const chunk = await source.read();
        if (chunk) return controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
        controller.close();
        settled?.();
      } catch (error) {
        controller.error(error);
        settled?.(error);
      }
    },
    cancel(reason) {
      source.cancel(reason);
      settled?.(reason ?? new Error("The reader of the stream has left"));
    },
  }, { highWaterMark: 0 });
}
