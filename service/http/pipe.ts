import type { ByteCounter, ByteSource, Eventually } from "./bytes.ts";
import { refuse } from "../errors.ts";
import { Fifo } from "../util/fifo.ts";
import type { HeaderList } from "./headers.ts";

/** A writer waits while this many bytes are unread. */
const MAX_UNREAD = 64 * 1024;

/** What a stream is written into. */
export interface BodySink {
  /** Whether a write would have to wait. */
  readonly full: boolean;
  /** Resolves when a write need not wait any more, or can only fail. */
  readonly room: Promise<void>;
  /**
   * Of a sink that is never full and takes whole bodies by itself: what waits while it is far ahead of all
   * readers. Throws or rejects when nobody wants more.
   */
  readonly drained?: () => Eventually<void>;
  /** Hands on bytes, which the sink keeps. Waits first while it is full. */
  write(chunk: Uint8Array): Eventually<void>;
  /** Ends the message well. Where it is stored, answers when it is. */
  finish(trailers?: HeaderList): Eventually<void>;
  /** Ends the message badly: its reader sees the error after what was written. */
  abort(error: unknown): void;
}

/** Joins one writer to one reader; a fast writer waits for a slow reader. */
export class Pipe implements ByteSource, BodySink {
  readonly #chunks = new Fifo<Uint8Array>();
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

  /** Unknown until the writer has finished. */
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
    const chunk = this.#chunks.shift();
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
    this.#chunks.clear();
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
