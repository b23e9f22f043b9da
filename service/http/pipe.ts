import type { ByteCounter, ByteSource, Eventually } from "./bytes.ts";
import { ChunkQueue } from "./chunk_queue.ts";
import { refuse } from "../errors.ts";
import type { HeaderList } from "./headers.ts";

/** Maximum number of bytes that are written and not read yet; beyond it a write waits. */
const MAX_UNREAD = 64 * 1024;

/** Destination of a guest's streaming body: a {@linkcode Pipe}, or an object of the cache. */
export interface BodySink {
  /** Whether a write waits until the reader has caught up. */
  readonly full: boolean;
  /** Resolves when a write need not wait, or would fail. */
  readonly room: Promise<void>;
  /**
   * Back-pressure for sinks that buffer without bound (the cache): resolves once the fastest reader has caught up.
   * Throws or rejects when no reader is left and none can come.
   */
  readonly drained?: () => Eventually<void>;
  /** Writes bytes, which the sink keeps without a copy. Waits first while it is full. */
  write(chunk: Uint8Array): Eventually<void>;
  /** Ends the body. A sink that stores it returns a promise that resolves when it is stored. */
  finish(trailers?: HeaderList): Eventually<void>;
  /** Ends an incomplete body: its reader gets the error after the bytes that were written. */
  abort(error: unknown): void;
}

/** Connects one writer to one reader; a fast writer waits for a slow reader. */
export class Pipe implements ByteSource, BodySink {
  /** Whole pieces alone. Small ones are joined once there are many, so that a writer of single bytes takes little memory. */
  readonly #chunks = new ChunkQueue();
  readonly #counter: ByteCounter | undefined;
  #unread = 0;
  #end: { trailers?: HeaderList | undefined; error?: unknown } | undefined;
  #gone: { reason: unknown } | undefined;
  #reader: PromiseWithResolvers<void> | undefined;
  #writer: PromiseWithResolvers<void> | undefined;

  /** @param counter Counts the bytes that were written and not yet read. */
  constructor(counter?: ByteCounter) {
    this.#counter = counter;
  }

  /** Number of unread bytes; undefined until the writer has finished. */
  get length(): number | undefined {
    return this.#end && !("error" in this.#end) ? this.#unread : undefined;
  }

  get trailers(): HeaderList | undefined {
    return this.#end?.trailers;
  }

  get full(): boolean {
    return !this.#gone && this.#unread >= MAX_UNREAD;
  }

  get room(): Promise<void> {
    return this.full ? (this.#writer ??= Promise.withResolvers()).promise : Promise.resolve();
  }

  write(chunk: Uint8Array): Eventually<void> {
    if (this.full) return this.room.then(() => this.write(chunk));
    if (this.#gone) {
      refuse("failed", "Cannot write to a body that nobody reads any more", this.#gone.reason);
    }
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#count(chunk.length);
    this.#wakeReader();
  }

  finish(trailers?: HeaderList): void {
    this.#end ??= { trailers };
    this.#wakeReader();
  }

  abort(error: unknown): void {
    this.#end ??= { error };
    this.#wakeReader();
  }

  read(): Eventually<Uint8Array | undefined> {
    const chunk = this.#chunks.read() as Uint8Array | undefined;
    if (chunk) {
      this.#count(-chunk.length);
      if (!this.full) this.#wakeWriter();
      return chunk;
    }
    if (!this.#end) {
      return (this.#reader ??= Promise.withResolvers()).promise.then(() => this.read());
    }
    if ("error" in this.#end) throw this.#end.error;
    return undefined;
  }

  cancel(reason?: unknown): void {
    this.#gone ??= { reason };
    this.#chunks.cancel();
    this.#count(-this.#unread);
    this.#wakeWriter();
  }

  #count(bytes: number): void {
    this.#unread += bytes;
    if (this.#counter) this.#counter.bytes += bytes;
  }

  #wakeReader(): void {
    this.#reader?.resolve();
    this.#reader = undefined;
  }

  #wakeWriter(): void {
    this.#writer?.resolve();
    this.#writer = undefined;
  }
}
