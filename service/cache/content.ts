import { type ByteSource, concat, type Eventually, type Payload } from "../bytes.ts";
import { HostError, refuse } from "../errors.ts";
import type { Sink } from "../pipe.ts";

/** Content up to this many bytes is put in one piece when it is complete. */
const MOST_JOINED = 1 << 20;
/** Who writes by itself waits while this many bytes have been read by nobody. */
const MOST_AHEAD = 128 * 1024;

/** The bytes of an object: written once, and read by any number of readers, also while they are written. */
export class CacheContent implements Sink {
  /** Whether it is in the cache, where readers may yet find it. */
  kept = false;
  /** How many bytes there shall be, if the writer has said. */
  readonly declared: number | undefined;
  /** Is told of each piece: how many bytes it has. */
  grown: (bytes: number) => void = () => {};
  #pieces: Uint8Array[] = [];
  /** Where each piece ends. */
  #ends: number[] = [];
  /** Where the first piece begins: what was before it nobody can want any more. */
  #start = 0;
  #written = 0;
  #complete = false;
  #fault: HostError | undefined;
  #change: PromiseWithResolvers<void> | undefined;
  readonly #readers = new Set<Reader>();
  #caughtUp: PromiseWithResolvers<void> | undefined;

  constructor(declared?: number) {
    this.declared = declared;
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

  /** Never: who writes does not wait for readers. */
  get full(): boolean {
    return false;
  }

  get room(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Waits while all readers are far behind. Without any it does not wait: it is written for those to come. Throws or
   * rejects if there can be none.
   */
  pace(): Eventually<void> {
    if (this.ended) return;
    if (!this.#readers.size) return this.kept ? undefined : unwanted();
    let foremost = 0;
    for (const { position } of this.#readers) foremost = Math.max(foremost, position);
    if (this.#written - foremost < MOST_AHEAD) return;
    return (this.#caughtUp ??= Promise.withResolvers()).promise.then(() => this.pace());
  }

  /** A reader has read on. */
  moved(): void {
    if (!this.kept && !this.ended) this.#trim();
    this.#caughtUp?.resolve();
    this.#caughtUp = undefined;
  }

  /** Lets go of what all readers have read, if none can come. */
  #trim(): void {
    let hindmost = this.#written;
    for (const { position } of this.#readers) hindmost = Math.min(hindmost, position);
    if (hindmost - this.#start < MOST_JOINED) return;
    const count = this.#ends.findIndex((end) => end > hindmost);
    const gone = count < 0 ? this.#ends.length : count;
    this.#start = this.#ends[gone - 1] ?? this.#start;
    this.#pieces.splice(0, gone);
    this.#ends.splice(0, gone);
  }

  /** A reader is done with it. */
  left(reader: Reader): void {
    if (this.#readers.delete(reader)) this.moved();
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
    this.grown(piece.length);
    this.#changed();
  }

  /** Ends it well, unless it is shorter than declared. */
  finish(): void {
    if (this.ended) return;
    if (this.declared !== undefined && this.#written < this.declared) this.#spoil("is too short");
    else this.#complete = true;
    const whole = this.#complete && this.#start === 0;
    if (whole && this.#pieces.length > 1 && this.#written <= MOST_JOINED) {
      this.#pieces = [concat(this.#pieces)];
      this.#ends = [this.#written];
    }
    this.#changed();
  }

  /** Ends it badly, unless all that was declared has come. */
  abort(error: unknown): void {
    if (this.declared === this.#written) return this.finish();
    if (this.ended) return;
    this.#spoil("was not finished", error);
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
    const whole = this.#complete && this.#start === 0 && this.#pieces.length === 1;
    if (whole && from <= end && end <= this.#written) {
      return this.#pieces[0]!.subarray(from, end);
    }
    const reader = new Reader(this, from, to);
    if (!this.ended) this.#readers.add(reader);
    return reader;
  }

  /** Bytes at a position, up to an end; none if they are not there. Throws if there will never be any. */
  at(position: number, to: number | undefined): Uint8Array | "later" | "end" {
    const limit = to ?? this.declared ?? Infinity;
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

  #spoil(what: string, cause?: unknown): void {
    this.#fault = incomplete(
      `it ${what}: ${this.#written} bytes of ${this.declared ?? "any number"}`,
      cause,
    );
  }

  #changed(): void {
    this.#change?.resolve();
    this.#change = undefined;
    if (!this.ended) return;
    this.#readers.clear();
    this.moved();
  }
}

function unwanted(): never {
  refuse("failed", "Cannot write on: nobody can read the object any more");
}

function incomplete(why: string, cause?: unknown): HostError {
  return new HostError("http-incomplete", `Cannot read on in a cached object: ${why}`, { cause });
}

/** One reader's position in the content. */
class Reader implements ByteSource {
  readonly trailers = undefined;
  readonly #content: CacheContent;
  readonly #to: number | undefined;
  position: number;

  constructor(content: CacheContent, from: number, to: number | undefined) {
    this.#content = content;
    this.position = from;
    this.#to = to;
  }

  get length(): number | undefined {
    const { length } = this.#content;
    if (length === undefined) return undefined;
    return Math.max(0, Math.min(this.#to ?? length, length) - this.position);
  }

  read(): Eventually<Uint8Array | undefined> {
    const next = this.#content.at(this.position, this.#to);
    if (next === "end") return void this.cancel();
    if (next === "later") return this.#content.change().then(() => this.read());
    this.position += next.length;
    if (this.position === this.#to) this.cancel();
    else this.#content.moved();
    return next;
  }

  /** The writer goes on, for other readers. */
  cancel(): void {
    this.#content.left(this);
  }
}
