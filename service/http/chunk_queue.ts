import {
  type ByteCounter,
  type ByteSource,
  concat,
  EMPTY,
  type Eventually,
  isWhole,
  type Payload,
} from "./bytes.ts";
import { HeaderList } from "./headers.ts";
import { MAX_SMALL, SMALL } from "./small_pieces.ts";

/** Maximum number of read pieces at the front of the array before it is shortened: `shift` takes linear time. */
const MAX_EMPTY = 1024;

/** Size from which on the memory of a piece is given back to its source, in bytes. */
const MIN_LENT = 64 * 1024;

/** Body of several pieces, byte arrays and sources, which are read in order. */
export class ChunkQueue implements ByteSource {
  #trailers: HeaderList | undefined;
  /** Pieces, from index `#first` on; those before it were read, and are empty. */
  readonly #pieces: Payload[] = [];
  #first = 0;
  /** Number of small pieces in succession that were pushed last, of which some may have been read. */
  #small = 0;
  #arriving: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  #done = false;
  #counter: ByteCounter | undefined;
  /** Sources of pieces that they may take back. */
  #lenders: WeakMap<Uint8Array, ByteSource> | undefined;

  /** Whether a read has returned the end. */
  get done(): boolean {
    return this.#done;
  }

  /** Trailer fields: those that were appended, and those of each source once it has ended. */
  get trailers(): HeaderList {
    return this.#trailers ??= new HeaderList();
  }

  /** Number of unread bytes; undefined if it is not known, or if a source has trailers, which need chunked coding. */
  get length(): number | undefined {
    let length = 0;
    for (const piece of this.#pieces) {
      if (piece.length === undefined || (!isWhole(piece) && piece.trailers?.size)) return undefined;
      length += piece.length;
    }
    return length;
  }

  /** Counts the bytes that the queue holds in memory, from now on. */
  countIn(counter: ByteCounter): void {
    if (this.#counter) return;
    this.#counter = counter;
    for (const piece of this.#pieces) this.#count(piece, 1);
  }

  push(piece: Payload): void {
    if (piece.length === 0 && isWhole(piece)) return;
    this.#count(piece, 1);
    this.#pieces.push(piece);
    this.#small = isWhole(piece) && piece.length < SMALL ? this.#small + 1 : 0;
    if (this.#small >= MAX_SMALL) this.#joinSmall();
  }

  unshift(piece: Payload): void {
    if (piece.length === 0 && isWhole(piece)) return;
    this.#count(piece, 1);
    this.#small = Math.min(this.#small, this.#pieces.length - this.#first);
    if (this.#first) this.#pieces[--this.#first] = piece;
    else this.#pieces.unshift(piece);
  }

  /** Moves all of another queue to the end, with the trailers that it has so far. */
  join(other: ChunkQueue): void {
    if (other.#arriving || other.#failure) return this.push(other);
    for (const piece of other.#pieces.splice(0)) {
      other.#count(piece, -1);
      this.push(piece);
    }
    other.#first = 0;
    for (const [name, value] of other.#trailers ?? []) this.trailers.append(name, value);
  }

  /**
   * Returns the whole body if it is in memory and has no trailers. Its bytes stay counted: the caller subtracts them
   * when it drops them.
   */
  whole(): Uint8Array | undefined {
    if (this.#trailers?.size || this.#failure || !this.#pieces.every(isWhole)) return undefined;
    return this.#pieces.length ? concat(this.#pieces) : EMPTY;
  }

  /** Reads the next piece, or its first `max` bytes. */
  read(max = Infinity): Eventually<Uint8Array | undefined> {
    while (this.#pull()) {
      const head = this.#pieces[this.#first] as Uint8Array | undefined;
      if (!head) {
        this.#done = true;
        return undefined;
      }
      if (head.length <= max) {
        this.#drop();
        this.#count(head, -1);
        return head;
      }
      if (this.#counter) this.#counter.bytes -= max;
      this.#pieces[this.#first] = head.subarray(max);
      return head.subarray(0, max);
    }
    return this.#arriving!.then(() => this.read(max));
  }

  /** Whether a read returns or throws at once: there are bytes, the end or an error. */
  get ready(): boolean {
    try {
      return this.#pull();
    } catch {
      return true; // the next read throws the error
    }
  }

  /** Resolves when {@linkcode ChunkQueue.ready} holds. */
  async whenReady(): Promise<void> {
    while (!this.ready) await this.#arriving!;
  }

  /** Resolves when the next piece may have bytes, or other writers than before; undefined if its writers never change. */
  changes(): Promise<void> | undefined {
    const head = this.#pieces[this.#first];
    return head !== undefined && !isWhole(head) ? head.changes?.() : undefined;
  }

  comesFrom(content: object): boolean {
    return this.#pieces.some((piece) => !isWhole(piece) && piece.comesFrom?.(content));
  }

  keep(): void {
    for (const piece of this.#pieces) if (!isWhole(piece)) piece.keep?.();
  }

  isHeldBy(run: object): boolean {
    const head = this.#pieces[this.#first];
    return head !== undefined && !isWhole(head) && (head.isHeldBy?.(run) ?? false);
  }

  cancel(reason?: unknown): void {
    for (const piece of this.#pieces) {
      this.#count(piece, -1);
      if (!isWhole(piece)) piece.cancel(reason);
    }
    this.#pieces.length = this.#first = 0;
  }

  /** Takes back a piece as a whole; parts of one have no source. */
  recycle(piece: Uint8Array): void {
    const lender = this.#lenders?.get(piece);
    if (!lender) return;
    this.#lenders!.delete(piece);
    lender.recycle!(piece);
  }

  /** Joins the small pieces at the end that were not read. */
  #joinSmall(): void {
    const from = Math.max(this.#first, this.#pieces.length - this.#small);
    const joined = concat(this.#pieces.splice(from) as Uint8Array[]);
    this.#pieces.push(joined);
    this.#small = joined.length < SMALL ? 1 : 0;
  }

  /** Removes the first piece. */
  #drop(): void {
    const pieces = this.#pieces;
    pieces[this.#first++] = EMPTY;
    if (this.#first < pieces.length && this.#first < MAX_EMPTY) return;
    if (this.#first * 2 < pieces.length) return;
    pieces.splice(0, this.#first);
    this.#first = 0;
  }

  /** Reads from a source at the front until there are bytes or the end; false if that has to wait. */
  #pull(): boolean {
    for (;;) {
      const head = this.#pieces[this.#first];
      if (head === undefined || isWhole(head)) return true;
      if (this.#failure) throw this.#failure.error;
      if (this.#arriving) return false;
      const next = this.#attempt(() => head.read());
      if (next instanceof Promise) {
        this.#arriving = next.then(
          (chunk) => this.#place(head, chunk),
          (error) => void (this.#failure = { error }),
        ).finally(() => this.#arriving = undefined);
        return false;
      }
      this.#place(head, next);
    }
  }

  #attempt<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  #place(source: ByteSource, chunk: Uint8Array | undefined): void {
    // The source may not be first any more: pieces may have been prepended, which are read first.
    const at = this.#pieces.indexOf(source, this.#first);
    if (at < 0) return; // the queue was cancelled
    if (chunk) {
      this.#count(chunk, 1);
      if (source.recycle && chunk.length >= MIN_LENT) {
        (this.#lenders ??= new WeakMap()).set(chunk, source);
      }
      return void this.#pieces.splice(at, 0, chunk);
    }
    for (const [name, value] of source.trailers ?? []) this.trailers.append(name, value);
    this.#pieces.splice(at, 1);
  }

  #count(piece: Payload, sign: 1 | -1): void {
    if (this.#counter && isWhole(piece)) this.#counter.bytes += sign * piece.length;
  }
}
