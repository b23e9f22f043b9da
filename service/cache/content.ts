import { concat, type Eventually, type Payload } from "../http/bytes.ts";
import { HostError } from "../errors.ts";
import type { BodySink } from "../http/pipe.ts";
import type { CacheDriver, ContentId } from "./driver.ts";
import { Reader } from "./reader.ts";
import { type Position, Readers } from "./readers.ts";

/** Content up to this many bytes is in memory, in one piece when it is complete. A driver takes what is longer. */
const MAX_HELD = 1 << 20;
/** Bytes in each piece that a driver has, but the last. */
const PIECE = 256 << 10;

/**
 * The bytes of an object: written once, and read by any number of readers, also while they are written. What is long is
 * with a driver, if there is one.
 */
export class CacheContent implements BodySink {
  /** Whether it is in the cache, where readers may yet find it. */
  findable = false;
  /** How many bytes there shall be, if the writer has said. */
  readonly declared: number | undefined;
  /** Is told of each piece: how many bytes it has. */
  grown: (bytes: number) => void = () => {};
  /** Takes what has it out of the cache, if something has. */
  drop: () => void = () => {};
  /** Is told when no more bytes come. */
  settled: () => void = () => {};
  /** Is told when nobody reads any more. */
  idle: () => void = () => {};
  /** Whether nothing more comes unless a run of a program writes it itself. */
  writer: (run: object) => boolean = () => false;
  /** What the driver calls it, if the driver has any of it. */
  id: ContentId | undefined;
  /** Where the driver has an object with this content, if it has one. */
  slot: object | undefined;
  #driver: CacheDriver | undefined;
  /** Bytes at the beginning that only the driver has. */
  #shelved = 0;
  /** Whether the driver has all of it. */
  #kept = false;
  #found = -Infinity;
  readonly #readers = new Readers();
  /** Those behind what is shelved. */
  #pieces: Uint8Array[] = [];
  /** Where each piece ends. */
  #ends: number[] = [];
  /** Where the first of them begins, if what was before it is nowhere any more. */
  #start = 0;
  #written = 0;
  #complete = false;
  #fault: HostError | undefined;
  #change: PromiseWithResolvers<void> | undefined;

  /** @param driver What may take it. */
  constructor(declared?: number, driver?: CacheDriver) {
    this.declared = declared;
    this.#driver = driver;
  }

  /** A content that a driver has, complete. */
  static kept(driver: CacheDriver, id: ContentId, length: number): CacheContent {
    const content = new CacheContent(undefined, driver);
    content.id = id;
    content.#kept = content.#complete = true;
    content.#written = content.#shelved = length;
    return content;
  }

  /** Bytes written so far. */
  get written(): number {
    return this.#written;
  }

  /** How many bytes there are in the end, if that is known: it was declared, or the writer has finished. */
  get length(): number | undefined {
    return this.declared ?? (this.#complete ? this.#written : undefined);
  }

  /** Whether all of it is there. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether no more bytes come. */
  get ended(): boolean {
    return this.#complete || this.#fault !== undefined;
  }

  /** Whether more comes only if one run of a program itself writes it. */
  isHeldBy(run: object): boolean {
    return !this.ended && this.writer(run);
  }

  /** Whether some of it is not in memory. */
  get shelved(): boolean {
    return this.#shelved > 0;
  }

  /** How many read it. */
  get readers(): number {
    return this.#readers.count;
  }

  /** When it was found last, in the time of {@linkcode CacheContent.find}. */
  get found(): number {
    return this.#found;
  }

  /** Never: a writer does not wait for readers. */
  get full(): boolean {
    return false;
  }

  get room(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * For those who write by themselves: waits while all readers are far behind. Throws or rejects when nobody can read
   * any more.
   */
  drained(): Eventually<void> {
    return this.#readers.drained(() => this.#paced(), () => this.findable);
  }

  #paced(): number | undefined {
    if (this.#fault) throw this.#fault;
    return this.#complete ? undefined : this.#written;
  }

  /** Adds bytes, which it keeps. More than were declared spoil it for its readers, not for the writer. */
  write(chunk: Uint8Array): void {
    if (this.ended || chunk.length === 0) return;
    // A view of a larger buffer would keep all of that alive.
    const piece = chunk.length === chunk.buffer.byteLength ? chunk : chunk.slice();
    this.#written += piece.length;
    this.#pieces.push(piece);
    this.#ends.push(this.#written);
    if (this.declared !== undefined && this.#written > this.declared) this.#spoil("is too long");
    if (this.#driver && this.#written - this.#shelved > (this.#shelved ? PIECE : MAX_HELD)) {
      this.#shelve(this.#driver);
    }
    this.grown(piece.length);
    this.#changed();
  }

  /** Ends it well, unless it is shorter than declared. */
  finish(): void {
    if (this.ended) return;
    if (this.declared !== undefined && this.#written < this.declared) this.#spoil("is too short");
    else this.#complete = true;
    const short = this.#written <= MAX_HELD && this.#start === 0;
    if (this.#complete && this.#pieces.length > 1 && short) {
      this.#hold(concat(this.#pieces));
    }
    this.#changed();
    this.settled();
  }

  /** Ends it badly, unless all that was declared has come. Never throws: who gives up has more to let go of. */
  abort(error: unknown): void {
    if (this.ended) return;
    try {
      if (this.declared === this.#written) return this.finish();
      this.#spoil("was not finished", error);
      this.#changed();
      this.settled();
    } catch {
      // A driver has failed, too.
    }
  }

  /**
   * Whether it can be read: another process may have had the driver free it. What is short is in memory then.
   *
   * @param now The time in milliseconds; a while from then it stays where it is.
   */
  find(now: () => number): boolean {
    if (!this.#driver || (this.#complete && !this.#shelved)) return true;
    this.#found = now();
    if (!this.#shelved) return true;
    if (this.#complete && this.#written <= MAX_HELD) return this.recall();
    return this.id !== undefined && this.#driver!.has(this.id);
  }

  /** Brings all of it to memory; answers whether it could. */
  recall(): boolean {
    if (!this.#shelved) return true;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < this.#shelved; at += PIECE) {
      const piece = this.#fetch(at);
      if (!piece) return false;
      pieces.push(piece);
    }
    this.#hold(concat([...pieces, ...this.#pieces]));
    this.#shelved = 0;
    return true;
  }

  /** Has it in memory and nowhere else; what calls this frees what the driver has. */
  confine(): void {
    if (this.recall()) this.#driver = undefined;
  }

  /** What the driver does not have yet, in pieces of the size that it is to get. */
  unkept(): Uint8Array[] {
    return this.#kept ? [] : cut(concat(this.#pieces));
  }

  /** Whether what only the driver had is there no more. */
  get lost(): boolean {
    return this.#shelved > 0 && this.id === undefined;
  }

  /** Notes that the driver has all of it now. */
  keep(id: ContentId): void {
    this.id = id;
    this.#kept = true;
    if (!this.#shelved) return;
    this.#shelved = this.#written;
    this.#pieces = [];
    this.#ends = [];
  }

  /** Notes that the driver has nothing of it any more. */
  lose(): void {
    this.id = undefined;
    this.#kept = false;
  }

  /** Takes it out of the cache if it has broken off: who has found it gets to know, and others get it anew. */
  dropBroken(): void {
    if (this.#fault) this.drop();
  }

  /** Takes no more bytes, if some are still to come: nobody is there who would read them. */
  abandon(): void {
    if (this.ended) return;
    this.#pieces = [];
    this.#ends = [];
    this.#spoil("has left the cache");
    this.#changed();
  }

  /** Resolves when more bytes have come, or the end. */
  change(): Promise<void> {
    return (this.#change ??= Promise.withResolvers()).promise;
  }

  /** Resolves when the byte at an offset is there, or will never be. */
  async reaches(offset: number): Promise<void> {
    while (this.#written <= offset && !this.ended) await this.change();
  }

  /**
   * Everything, or a part of it: whole if it is at hand in one piece, else to be read as it comes.
   *
   * @param to Where the part ends, exclusive; without it the end of the content is the end.
   */
  read(from = 0, to?: number): Payload {
    const end = to ?? this.#written;
    const [only] = this.#pieces;
    if (this.#complete && only?.length === this.#written && from <= end && end <= this.#written) {
      return only.subarray(from, end);
    }
    return new Reader(this, from, to);
  }

  /** Notes that a reader has begun. */
  enter(reader: Position): void {
    this.#readers.enter(reader);
  }

  /** Notes that a reader has read on. */
  moved(): void {
    if (!this.findable && !this.ended && !this.#driver) this.#trim();
    this.#readers.moved();
  }

  /** Notes that a reader has left. */
  leave(reader: Position): void {
    this.#readers.leave(reader);
    if (!this.#readers.count) this.idle();
  }

  /** Lets go of what all have read, as none can come. */
  #trim(): void {
    const hindmost = this.#readers.hindmost ?? 0;
    if (hindmost - this.#start < MAX_HELD) return;
    const unread = this.#ends.findIndex((end) => end > hindmost);
    const read = unread < 0 ? this.#ends.length : unread;
    this.#start = this.#ends[read - 1] ?? this.#start;
    this.#pieces.splice(0, read);
    this.#ends.splice(0, read);
  }

  /** Bytes at a position, up to an end; none if they are not there. Throws if there will never be any. */
  at(position: number, to: number | undefined): Uint8Array | "later" | "end" {
    const limit = to ?? this.declared ?? Infinity;
    if (position < Math.min(limit, this.#shelved)) {
      const piece = this.#fetch(position);
      const start = position % PIECE;
      if (!piece || piece.length <= start) gone();
      return piece.subarray(start, start + Math.min(limit, this.#shelved) - position);
    }
    if (position < this.#start) throw incomplete(`its first ${this.#start} bytes are gone`);
    if (position < Math.min(limit, this.#written)) {
      const index = this.#find(position);
      const piece = this.#pieces[index]!;
      const start = this.#ends[index]! - piece.length;
      return piece.subarray(position - start, Math.min(limit - start, piece.length));
    }
    if (to !== undefined && position >= to) return "end";
    if (this.#fault) throw this.#fault;
    if (position === limit) return "end";
    if (!this.#complete) return "later";
    if (to === undefined && position === this.#written) return "end";
    throw incomplete(`it ends at ${this.#written}, before the end of the range`);
  }

  /** The piece that holds a position. */
  #find(position: number): number {
    let low = 0;
    let high = this.#ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[middle]! > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Gives the driver all but the last piece. If it cannot take the first ones, all of it stays in memory. */
  #shelve(driver: CacheDriver): void {
    const pieces = cut(concat(this.#pieces));
    const rest = pieces.pop()!;
    try {
      this.id = driver.append(this.id, pieces);
    } catch (error) {
      if (this.#shelved) throw error;
      this.#driver = undefined;
      return;
    }
    this.#shelved = this.#written - rest.length;
    this.#pieces = [rest.slice()];
    this.#ends = [this.#written];
  }

  #hold(whole: Uint8Array): void {
    this.#pieces = [whole];
    this.#ends = [this.#written];
  }

  /** The piece with a position, as the driver has it. */
  #fetch(position: number): Uint8Array | undefined {
    const { id } = this;
    return id === undefined ? undefined : this.#driver!.read(id, Math.floor(position / PIECE));
  }

  #spoil(what: string, cause?: unknown): void {
    this.#fault = incomplete(
      `it ${what}: ${this.#written} bytes of ${this.declared ?? "any number"}`,
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

function gone(): never {
  throw incomplete("it has left the cache, and what kept it has it no more");
}

function cut(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PIECE) pieces.push(bytes.subarray(at, at + PIECE));
  return pieces;
}
