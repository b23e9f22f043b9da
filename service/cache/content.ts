import type { ByteSource, Payload } from "../http/bytes.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import type { HostError } from "../errors.ts";
import type { BodySink } from "../http/pipe.ts";
import { ContentBuffer } from "./buffer.ts";
import { incomplete } from "./content_errors.ts";
import type { ContentId } from "./driver.ts";
import type { DriverCalls } from "./driver_calls.ts";
import { Reader } from "./reader.ts";
import { type Position, Readers } from "./readers.ts";
import { cut, PIECE, Spool } from "./spool.ts";

/** Largest content that stays in memory, in bytes, in one piece once it is complete. Longer ones go to the driver. */
const MAX_IN_MEMORY = 1 << 20;
/** Maximum number of bytes that wait in memory for a slow driver; beyond it the writer waits. */
const MAX_UNSPOOLED = 4 << 20;

/**
 * Content of a cached object: written once, and read by any number of readers, also while it is written. Its end is in a
 * {@linkcode ContentBuffer}; the beginning of a long one is in a {@linkcode Spool}, if the cache has a driver.
 */
export class CacheContent implements BodySink {
  /** Whether the object is in the cache, so that more readers may come. */
  findable = false;
  /** Length in bytes that the writer has declared, if any. */
  readonly declared: number | undefined;
  /** Called with the size of each piece that is written. */
  grown: (bytes: number) => void = () => {};
  /** Removes the object from the cache, if it is in one. */
  drop: () => void = () => {};
  /** Called when the content has ended; resolves when the object is stored. Never throws or rejects. */
  settled: () => Eventually<void> = () => {};
  /** Called when the last reader has left. */
  idle: () => void = () => {};
  /** Whether the given run of a program is the writer. */
  writer: (run: object) => boolean = () => false;
  /** Sources of which all is appended, in order, without the writer. */
  sources: () => Iterable<ByteSource> = () => [];
  /** Place of the object with this content in the driver, if it has one. */
  place: { clear(): Eventually<void> } | undefined;
  #spool: Spool | undefined;
  #buffer = new ContentBuffer();
  /** Whether the driver has all of it. */
  #kept = false;
  #preparedAt = -Infinity;
  readonly #readers = new Readers();
  #complete = false;
  #fault: HostError | undefined;
  #change: PromiseWithResolvers<void> | undefined;
  #appended: Promise<void> | undefined;
  #recalling: Promise<boolean> | undefined;

  /**
   * @param declared Length in bytes, if the writer knows it.
   * @param calls Calls of the driver; by default the object is not stored.
   * @param inMemory Whether the content stays in memory while it is written, even if it is long. By default `false`.
   */
  constructor(declared?: number, calls?: DriverCalls, inMemory = false) {
    this.declared = declared;
    if (!calls) return;
    this.#spool = new Spool(calls);
    if (inMemory) this.#spool.stop();
  }

  /** Makes a complete content whose bytes a driver has. */
  static kept(calls: DriverCalls, id: ContentId, length: number): CacheContent {
    const content = new CacheContent();
    content.#spool = Spool.kept(calls, id, length);
    content.#buffer = ContentBuffer.from(length);
    content.#kept = content.#complete = true;
    return content;
  }

  /** Number of the content in the driver, if the driver has any of it. */
  get id(): ContentId | undefined {
    return this.#spool?.id;
  }

  /** Bytes written so far. */
  get written(): number {
    return this.#buffer.end;
  }

  /** Length in bytes; undefined while it is neither declared nor known from the end. */
  get length(): number | undefined {
    return this.declared ?? (this.#complete ? this.written : undefined);
  }

  /** Whether all bytes have been written. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether no more bytes come: the content is complete, or was cut short. */
  get ended(): boolean {
    return this.#complete || this.#fault !== undefined;
  }

  /** Whether the rest is written by the given run of a program, which must not wait for it. */
  isHeldBy(run: object): boolean {
    return !this.ended && this.writer(run);
  }

  /** Resolves when bytes or the end have come, or when others may write it than before. */
  changes(): Promise<void> {
    const [source] = this.sources();
    const changes = source?.changes?.();
    return changes ? Promise.race([this.change(), changes]) : this.change();
  }

  /** Notes that others write it than before. */
  stir(): void {
    this.#changed();
  }

  /** Whether it is the other content, or some of its bytes come from there. */
  comesFrom(content: object): boolean {
    return this === content || [...this.sources()].some((source) => source.comesFrom?.(content));
  }

  /** Whether a part of it is not in memory. */
  get spooled(): boolean {
    return this.#spooledBytes > 0;
  }

  /** Number of readers. */
  get readers(): number {
    return this.#readers.count;
  }

  /** Time of the last {@linkcode CacheContent.prepare}, in milliseconds. */
  get preparedAt(): number {
    return this.#preparedAt;
  }

  /** Whether the driver can store the content: not if the driver has failed or bytes are lost. */
  get keepable(): boolean {
    return this.#complete && this.#spool !== undefined &&
      !(this.#spooledBytes && (this.#spool.stopped || this.#spool.lost));
  }

  /**
   * Whether the writer has to wait for {@linkcode CacheContent.room}, because of a slow driver. Readers are not waited
   * for.
   */
  get full(): boolean {
    return this.#appended !== undefined && this.written - this.#spooledBytes >= MAX_UNSPOOLED;
  }

  get room(): Promise<void> {
    return this.full ? this.#appended! : Promise.resolve();
  }

  get #spooledBytes(): number {
    return this.#spool?.length ?? 0;
  }

  /**
   * Back-pressure for writers that copy from a source: resolves once the fastest reader has caught up. Throws or rejects
   * when no reader is left and none can come.
   */
  drained(): Eventually<void> {
    if (this.full) return this.room.then(() => this.drained());
    return this.#readers.drained(() => this.#unread(), () => this.findable);
  }

  #unread(): number | undefined {
    if (this.#fault) throw this.#fault;
    return this.#complete ? undefined : this.written;
  }

  /**
   * Appends bytes, which the content keeps. Beyond the declared length they cut the content short for its readers; the
   * writer gets no error.
   *
   * @returns Undefined, or a promise that resolves when a slow driver has taken some bytes.
   */
  write(chunk: Uint8Array): Eventually<void> {
    if (this.ended || chunk.length === 0) return;
    // A view of a larger buffer is copied: it would retain the whole buffer.
    const piece = chunk.length === chunk.buffer.byteLength ? chunk : chunk.slice();
    this.#buffer.push(piece);
    if (this.declared !== undefined && this.written > this.declared) this.#break("is too long");
    this.#spill();
    this.grown(piece.length);
    this.#changed();
    if (this.full) return this.#appended;
  }

  /**
   * Ends the content. If it is shorter than declared, it counts as cut short.
   *
   * @returns Undefined, or a promise that resolves when the object is stored. Never throws or rejects.
   */
  finish(): Eventually<void> {
    if (this.ended) return;
    if (this.declared !== undefined && this.written < this.declared) this.#break("is too short");
    else this.#complete = true;
    if (this.#complete && this.written <= MAX_IN_MEMORY && !this.#buffer.start) this.#buffer.join();
    this.#changed();
    return this.settled();
  }

  /** Cuts the content short, unless all declared bytes were written. Never throws or rejects. */
  abort(error: unknown): Eventually<void> {
    if (this.ended) return;
    if (this.declared === this.written) return this.finish();
    this.#break("was not finished", error);
    this.#changed();
    return this.settled();
  }

  /**
   * Prepares the content for a reader: loads a short one into memory, and checks whether a long one still exists, since
   * another process may have freed it. Notes the time, since the reader may open it later.
   *
   * @param now Returns the time in milliseconds.
   * @returns Whether it can be read; `false` if the driver fails. Never throws or rejects.
   */
  prepare(now: () => number): Eventually<boolean> {
    const spool = this.#spool;
    if (!spool || (this.#complete && !spool.length)) return true;
    this.#preparedAt = now();
    if (!spool.length) return true;
    return this.#complete && this.written <= MAX_IN_MEMORY ? this.recall() : spool.exists();
  }

  /**
   * Loads all of it into memory.
   *
   * @returns Whether that succeeded. Never throws or rejects.
   */
  recall(): Eventually<boolean> {
    const spool = this.#spool;
    if (!spool?.length) return true;
    if (this.#recalling) return this.#recalling;
    try {
      const recalled = chain(spool.readAll(), (pieces) => {
        if (!pieces || !this.#spooledBytes) return pieces !== undefined;
        for (const piece of pieces.toReversed()) this.#buffer.unshift(piece);
        if (this.#complete) this.#buffer.join();
        spool.recalled();
        return true;
      });
      if (!(recalled instanceof Promise)) return recalled;
      const end = () => void (this.#recalling = undefined);
      this.#recalling = recalled.catch(() => false);
      this.#recalling.then(end);
      return this.#recalling;
    } catch {
      return false;
    }
  }

  /** Loads it into memory and stores no more of it. The caller frees the driver's part. Returns as {@linkcode recall}. */
  confine(): Eventually<boolean> {
    this.#spool?.stop();
    return this.recall();
  }

  /** Returns the bytes that the driver does not have yet, in pieces of the driver's size. */
  unkept(): Uint8Array[] {
    return this.#kept ? [] : cut(this.#buffer.concat());
  }

  /** Notes that the driver has all of it now. */
  keep(id: ContentId): void {
    const spooled = this.spooled;
    this.#spool?.keep(id, this.written);
    this.#kept = true;
    if (spooled) this.#buffer.clear();
  }

  /** Notes that the driver has no part of it any more. */
  lose(): void {
    this.#spool?.lose();
    this.#kept = false;
  }

  /** Whether bytes that only the driver had are lost. */
  get lost(): boolean {
    return this.#spool?.lost ?? false;
  }

  /** Removes the object from the cache if its content was cut short, so that later requests fetch it again. */
  dropBroken(): void {
    if (this.#fault) this.drop();
  }

  /** Cuts an unfinished content short, since it has no readers. */
  abandon(): void {
    if (this.ended) return;
    this.#buffer.clear();
    this.#break("has left the cache");
    this.#changed();
  }

  /** Resolves when bytes were written, or the content has ended. */
  change(): Promise<void> {
    return (this.#change ??= Promise.withResolvers()).promise;
  }

  /** Resolves when the byte at an offset was written, or the content has ended. */
  async reaches(offset: number): Promise<void> {
    while (this.written <= offset && !this.ended) await this.change();
  }

  /**
   * Opens the content, or a part of it.
   *
   * @param from Offset of the first byte; by default 0.
   * @param to Offset after the last byte; by default the end of the content.
   * @returns The bytes, if they are in memory in one piece; otherwise a source.
   */
  read(from = 0, to?: number): Payload {
    const { written } = this;
    const end = to ?? written;
    const { whole, start } = this.#buffer;
    if (this.#complete && whole && start === 0 && from <= end && end <= written) {
      return whole.subarray(from, end);
    }
    return new Reader(this, from, to);
  }

  /** Adds a reader. */
  enter(reader: Position): void {
    this.#readers.enter(reader);
  }

  /** Notes that a reader has moved. */
  moved(): void {
    if (!this.findable && !this.ended && (this.#spool?.stopped ?? true)) this.#trim();
    this.#readers.moved();
  }

  /** Removes a reader. */
  leave(reader: Position): void {
    this.#readers.leave(reader);
    if (!this.#readers.count) this.idle();
  }

  /**
   * Returns bytes at a position, up to an end.
   *
   * @returns `later` if they have not been written yet; `end` if there are no more.
   * @throws {HostError} `http-incomplete` if the content was cut short or its bytes are lost.
   */
  at(position: number, to: number | undefined): Eventually<Uint8Array> | "later" | "end" {
    const limit = to ?? this.declared ?? Infinity;
    if (position < Math.min(limit, this.#spooledBytes)) return this.#spool!.at(position, limit);
    const { start, end } = this.#buffer;
    if (position < Math.min(limit, start)) throw incomplete(`its first ${start} bytes are gone`);
    if (position < Math.min(limit, end)) {
      return this.#buffer.at(position).subarray(0, limit - position);
    }
    if (to !== undefined && position >= to) return "end";
    if (this.#fault) throw this.#fault;
    if (position === limit) return "end";
    if (!this.#complete) return "later";
    if (to === undefined && position === end) return "end";
    throw incomplete(`it ends at ${end}, before the end of the range`);
  }

  /** Drops bytes that all readers have read, since no more readers can come. */
  #trim(): void {
    const slowest = this.#readers.slowest ?? 0;
    if (slowest - this.#buffer.start >= MAX_IN_MEMORY) this.#buffer.trim(slowest);
  }

  /** Moves the bytes in memory, without the last piece, to the driver if they exceed the limit. */
  #spill(): void {
    const spool = this.#spool;
    if (!spool || spool.stopped || spool.appending) return;
    if (this.written - spool.length <= (spool.length ? PIECE : MAX_IN_MEMORY)) return;
    const pieces = cut(this.#buffer.concat());
    pieces.pop();
    const end = this.#buffer.start + pieces.length * PIECE;
    const appended = spool.append(pieces, () => this.#buffer.drop(end));
    if (!(appended instanceof Promise)) return;
    this.#appended = appended.then(() => {
      this.#appended = undefined;
      if (!this.ended) this.#spill();
    });
  }

  #break(fault: string, cause?: unknown): void {
    this.#fault = incomplete(
      `it ${fault}: ${this.written} bytes of ${this.declared ?? "any number"}`,
      cause,
    );
  }

  #changed(): void {
    this.#change?.resolve();
    this.#change = undefined;
    if (this.ended) this.#readers.moved();
  }
}
