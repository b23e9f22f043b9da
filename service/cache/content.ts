import type { Payload } from "../http/bytes.ts";
import { chain, type Eventually } from "../util/eventually.ts";
import { HostError } from "../errors.ts";
import type { BodySink } from "../http/pipe.ts";
import { ContentBuffer } from "./buffer.ts";
import type { ContentId } from "./driver.ts";
import type { DriverCalls } from "./driver_calls.ts";
import { Reader } from "./reader.ts";
import { type Position, Readers } from "./readers.ts";
import { cut, PIECE, Spool } from "./spool.ts";

/** Content up to this many bytes is in memory, in one piece once it is complete. A driver takes what is longer. */
const MAX_HELD = 1 << 20;
/** Bytes that may wait in memory for a driver that answers later; beyond them the writer waits. */
const MAX_UNSPOOLED = 4 << 20;

/**
 * Bytes of a cached object: written once, and read by any number of readers, also while they are written. The end of it
 * is in a {@linkcode ContentBuffer}; a long content begins in a {@linkcode Spool}, if the cache has a driver.
 */
export class CacheContent implements BodySink {
  /** Whether the object is in the cache, where readers may yet find it. */
  findable = false;
  /** Length in bytes that the writer has declared, if any. */
  readonly declared: number | undefined;
  /** Is called with the number of bytes of each piece that is written. */
  grown: (bytes: number) => void = () => {};
  /** Takes the object out of the cache, if it is in one. */
  drop: () => void = () => {};
  /** Is called when no more bytes come; answers when the object is stored. Never throws or rejects. */
  settled: () => Eventually<void> = () => {};
  /** Is called when the last reader has left. */
  idle: () => void = () => {};
  /** Whether more comes only if this run of a program writes it itself. */
  writer: (run: object) => boolean = () => false;
  /** Place at which the driver has an object with this content, if it has one. */
  slot: object | undefined;
  #spool: Spool | undefined;
  #buffer = new ContentBuffer();
  /** Whether the driver has all of it. */
  #kept = false;
  #found = -Infinity;
  readonly #readers = new Readers();
  #complete = false;
  #fault: HostError | undefined;
  #change: PromiseWithResolvers<void> | undefined;
  #appended: Promise<void> | undefined;
  #recalling: Promise<boolean> | undefined;

  /**
   * @param declared Length in bytes, if the writer knows it.
   * @param calls Calls of the driver that stores the object; by default nothing does.
   * @param inMemory Whether the content stays in memory while it is written, even if it is long.
   */
  constructor(declared?: number, calls?: DriverCalls, inMemory = false) {
    this.declared = declared;
    if (!calls) return;
    this.#spool = new Spool(calls);
    if (inMemory) this.#spool.stop();
  }

  /** A content that a driver has, complete. */
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

  /** Length in bytes, once it is known: declared, or because the writer has finished. */
  get length(): number | undefined {
    return this.declared ?? (this.#complete ? this.written : undefined);
  }

  /** Whether all bytes have been written. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether no more bytes come: the content is complete, or has broken off. */
  get ended(): boolean {
    return this.#complete || this.#fault !== undefined;
  }

  /** Whether more comes only if this run of a program writes it itself. */
  isHeldBy(run: object): boolean {
    return !this.ended && this.writer(run);
  }

  /** Whether some of it is not in memory. */
  get shelved(): boolean {
    return this.#shelved > 0;
  }

  /** Number of readers. */
  get readers(): number {
    return this.#readers.count;
  }

  /** Time at which it was found last, as {@linkcode CacheContent.find} was told it. */
  get found(): number {
    return this.#found;
  }

  /** Whether a driver could store the content: not if it has failed, or if bytes are gone. */
  get keepable(): boolean {
    return this.#complete && this.#spool !== undefined &&
      !(this.#shelved && (this.#spool.stopped || this.#spool.lost));
  }

  /** Whether the writer should wait for {@linkcode CacheContent.room}: never for readers, but for a slow driver. */
  get full(): boolean {
    return this.#appended !== undefined && this.written - this.#shelved >= MAX_UNSPOOLED;
  }

  get room(): Promise<void> {
    return this.full ? this.#appended! : Promise.resolve();
  }

  get #shelved(): number {
    return this.#spool?.length ?? 0;
  }

  /**
   * Back-pressure for writers that copy from a source: resolves once a reader has caught up. Throws or rejects when no
   * reader is left and none can come.
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
   * Appends bytes, which it keeps. More than were declared break the content for its readers; the writer is not told.
   *
   * @returns When the driver, if it is behind, has taken some of them.
   */
  write(chunk: Uint8Array): Eventually<void> {
    if (this.ended || chunk.length === 0) return;
    // A view of a larger buffer would keep all of that alive.
    const piece = chunk.length === chunk.buffer.byteLength ? chunk : chunk.slice();
    this.#buffer.push(piece);
    if (this.declared !== undefined && this.written > this.declared) this.#break("is too long");
    this.#spill();
    this.grown(piece.length);
    this.#changed();
    if (this.full) return this.#appended;
  }

  /**
   * Ends the content. One that is shorter than declared has broken off.
   *
   * @returns When the object is stored, if its driver answers later. Never throws or rejects.
   */
  finish(): Eventually<void> {
    if (this.ended) return;
    if (this.declared !== undefined && this.written < this.declared) this.#break("is too short");
    else this.#complete = true;
    if (this.#complete && this.written <= MAX_HELD && !this.#buffer.start) this.#buffer.join();
    this.#changed();
    return this.settled();
  }

  /** Breaks the content off, unless all that was declared has come. Never throws or rejects. */
  abort(error: unknown): Eventually<void> {
    if (this.ended) return;
    if (this.declared === this.written) return this.finish();
    this.#break("was not finished", error);
    this.#changed();
    return this.settled();
  }

  /**
   * Brings a short content to memory, and asks whether a long one still exists: another process may have had the driver
   * free it. Notes the time, as whoever has found the content may read it a while later.
   *
   * @param now Gives the time in milliseconds.
   * @returns Whether it can be read. Never throws or rejects: what cannot be read does not exist.
   */
  find(now: () => number): Eventually<boolean> {
    const spool = this.#spool;
    if (!spool || (this.#complete && !spool.length)) return true;
    this.#found = now();
    if (!spool.length) return true;
    return this.#complete && this.written <= MAX_HELD ? this.recall() : spool.exists();
  }

  /** Brings all of it to memory; answers whether that was possible. Never throws or rejects. */
  recall(): Eventually<boolean> {
    const spool = this.#spool;
    if (!spool?.length) return true;
    if (this.#recalling) return this.#recalling;
    try {
      const recalled = chain(spool.readAll(), (pieces) => {
        if (!pieces || !this.#shelved) return pieces !== undefined;
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

  /** Has it in memory and nowhere else. The caller frees what the driver has. */
  confine(): Eventually<boolean> {
    this.#spool?.stop();
    return this.recall();
  }

  /** Bytes that the driver does not have yet, in pieces of the size that it is to get. */
  unkept(): Uint8Array[] {
    return this.#kept ? [] : cut(this.#buffer.concat());
  }

  /** Notes that the driver has all of it now. */
  keep(id: ContentId): void {
    const spooled = this.shelved;
    this.#spool?.keep(id, this.written);
    this.#kept = true;
    if (spooled) this.#buffer.clear();
  }

  /** Notes that the driver has nothing of it any more. */
  lose(): void {
    this.#spool?.lose();
    this.#kept = false;
  }

  /** Whether bytes that only the driver had are gone. */
  get lost(): boolean {
    return this.#spool?.lost ?? false;
  }

  /** Takes the object out of the cache if its content has broken off: its readers are told, others fetch it anew. */
  dropBroken(): void {
    if (this.#fault) this.drop();
  }

  /** Takes no more bytes, if some are still to come: nobody is there who would read them. */
  abandon(): void {
    if (this.ended) return;
    this.#buffer.clear();
    this.#break("has left the cache");
    this.#changed();
  }

  /** Resolves when more bytes have come, or the end. */
  change(): Promise<void> {
    return (this.#change ??= Promise.withResolvers()).promise;
  }

  /** Resolves when the byte at an offset is there, or will never be. */
  async reaches(offset: number): Promise<void> {
    while (this.written <= offset && !this.ended) await this.change();
  }

  /**
   * Opens the content, or a part of it: as bytes if they are in memory in one piece, else to be read as they come.
   *
   * @param from Offset of the first byte.
   * @param to Offset behind the last byte; by default the end of the content.
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

  /** Notes that a reader has begun. */
  enter(reader: Position): void {
    this.#readers.enter(reader);
  }

  /** Notes that a reader has read on. */
  moved(): void {
    if (!this.findable && !this.ended && (this.#spool?.stopped ?? true)) this.#trim();
    this.#readers.moved();
  }

  /** Notes that a reader has left. */
  leave(reader: Position): void {
    this.#readers.leave(reader);
    if (!this.#readers.count) this.idle();
  }

  /**
   * Bytes at a position, up to an end.
   *
   * @returns "later" if they have not been written yet.
   * @throws {HostError} `http-incomplete` if there will never be any.
   */
  at(position: number, to: number | undefined): Eventually<Uint8Array> | "later" | "end" {
    const limit = to ?? this.declared ?? Infinity;
    if (position < Math.min(limit, this.#shelved)) return this.#readShelved(position, limit);
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

  #readShelved(position: number, limit: number): Eventually<Uint8Array> {
    const most = Math.min(limit, this.#shelved) - position;
    const take = (piece: Uint8Array | undefined) => piece ? piece.subarray(0, most) : gone();
    try {
      const piece = this.#spool!.read(position);
      return piece instanceof Promise ? piece.then(take, gone) : take(piece);
    } catch (error) {
      return gone(error);
    }
  }

  /** Lets go of what all have read, as no reader can come. */
  #trim(): void {
    const hindmost = this.#readers.hindmost ?? 0;
    if (hindmost - this.#buffer.start >= MAX_HELD) this.#buffer.trim(hindmost);
  }

  /** Gives the driver all but the last piece of what is in memory, if that is much. */
  #spill(): void {
    const spool = this.#spool;
    if (!spool || spool.stopped || spool.appending) return;
    if (this.written - spool.length <= (spool.length ? PIECE : MAX_HELD)) return;
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

  #break(what: string, cause?: unknown): void {
    this.#fault = incomplete(
      `it ${what}: ${this.written} bytes of ${this.declared ?? "any number"}`,
      cause,
    );
  }

  #changed(): void {
    this.#change?.resolve();
    this.#change = undefined;
    if (this.ended) this.#readers.moved();
  }
}

function incomplete(why: string, cause?: unknown): HostError {
  return new HostError("http-incomplete", `Cannot read on in a cached object: ${why}`, { cause });
}

function gone(cause?: unknown): never {
  throw incomplete("it has left the cache, and its driver cannot give it any more", cause);
}
