import { HostError, messageOf, refuse } from "../errors.ts";
import type { Eventually } from "../util/eventually.ts";
import type { HeaderList } from "./headers.ts";

export type { Eventually } from "../util/eventually.ts";

/** A body that arrives over time. It has one reader, which makes one `read` at a time. */
export interface ByteSource {
  /** Bytes that are still to be read; undefined if that is not known. */
  readonly length: number | undefined;
  /** Trailer fields; complete once {@linkcode ByteSource.read} has returned `undefined`. */
  readonly trailers: HeaderList | undefined;
  /**
   * Reads the next bytes.
   *
   * @returns One byte or more; `undefined` at the end.
   * @throws {HostError} (or rejects) If the body is cut short.
   */
  read(): Eventually<Uint8Array | undefined>;
  /** Ends reading: the source may close what it reads from. */
  cancel(reason?: unknown): void;
  /**
   * Takes back the memory of a piece that {@linkcode ByteSource.read} has returned, so that the source can use it for
   * later bytes. Only the reader may call it, once nothing looks at the piece any more; a piece that is not given back
   * stays as it is.
   */
  recycle?(piece: Uint8Array): void;
  /** Notes that it is read to its end, or cancelled, though the request that it came with may be over by then. */
  keep?(): void;
  /** Whether the next bytes are written by the given run of a program alone, which must not wait for them. */
  isHeldBy?(run: object): boolean;
  /** Resolves when bytes, the end, or other writers than before may have come; undefined if its writers never change. */
  changes?(): Promise<void> | undefined;
  /** Whether some of its bytes come from the content of a cached object. */
  comesFrom?(content: object): boolean;
}

/** Content of a message: whole in memory, or still arriving. */
export type Payload = Uint8Array | ByteSource;

/** Number of bytes that several bodies hold in memory together. */
export interface ByteCounter {
  bytes: number;
}

export const EMPTY: Uint8Array = new Uint8Array();

/** Returns the payload's length for Content-Length; undefined if it must be chunked: unknown, or followed by trailers. */
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

/** Reads a payload to its end. */
export async function collect(payload: Payload): Promise<Uint8Array> {
  if (isWhole(payload)) return payload;
  const chunks: Uint8Array[] = [];
  for (let chunk; (chunk = await payload.read());) chunks.push(chunk);
  return concat(chunks);
}

/** Maximum number of bytes of an unwanted body that are read before its source is cancelled. */
const MAX_DISCARDED = 1 << 20;

/**
 * Reads a payload and keeps nothing of it, so that its writer neither waits nor gets an error. If it is long, its source
 * is cancelled after 1 MiB.
 */
export async function discard(payload: Payload): Promise<void> {
  if (isWhole(payload)) return;
  try {
    let left = MAX_DISCARDED;
    for (let chunk; left > 0 && (chunk = await payload.read());) left -= chunk.length;
  } catch {
    // A failure of an unwanted body is ignored.
  }
  payload.cancel(new Error("Nobody wants the rest of the body"));
}

/**
 * Returns a web stream as a source.
 *
 * @param length Length that its sender declared, in bytes.
 */
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
        if (!(value instanceof Uint8Array)) {
          const error = new TypeError("A chunk of the stream is no Uint8Array");
          reader.cancel(error).catch(() => {});
          return cutShort(error);
        }
        if (left !== undefined) left = Math.max(0, left - value.length);
        if (value.length) return value;
      }
    },
    cancel: (reason) => void reader.cancel(reason).catch(() => {}),
  };
}

/** Throws the error of a body whose stream has failed. */
function cutShort(error: unknown): never {
  if (error instanceof HostError) throw error;
  const reason = messageOf(error);
  refuse("http-incomplete", `Cannot read on: the stream has failed: ${reason}`, error);
}

/**
 * Returns a source as a web stream, which reads the source only when its own reader does.
 *
 * @param settled Called when the stream has ended, has failed or was cancelled; with the reason of the last two.
 */
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

/** Returns bytes as a source, which gives them in one piece. */
export function wholeSource(bytes: Uint8Array): ByteSource {
  let left: Uint8Array | undefined = bytes.length ? bytes : undefined;
  return {
    get length() {
      return left?.length ?? 0;
    },
    trailers: undefined,
    read() {
      const bytes = left;
      left = undefined;
      return bytes;
    },
    cancel() {
      left = undefined;
    },
  };
}
