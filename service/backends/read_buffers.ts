import { Buffer } from "node:buffer";
import { builtin } from "../util/builtins.ts";

/** Size of the buffer that heads and short content are read into, in bytes. */
const SMALL = 16 * 1024;
/** Size of the buffers for long content, in bytes. */
const LARGE = 256 * 1024;
/** Minimum size of a read into the rest of a large buffer, in bytes. */
const MIN_READ = 64 * 1024;
/** Maximum number of large buffers that are kept for the next reads of one response. */
const MAX_SPARE = 4;

/**
 * Whether sockets have the option `onread`. Older versions of Deno, which a compiled program may have, throw for it; their
 * sockets lack this method as well.
 */
export function readsIntoBuffers(): boolean {
  return "resetAndDestroy" in builtin("node:net").Socket.prototype;
}

/** The option `onread` of a socket of `node:net`. */
export interface OnRead {
  /** Returns the buffer of the next read. Called without `this`, as the other. */
  readonly buffer: () => Uint8Array;
  /** Called when bytes were read into that buffer; returns whether to go on reading. */
  readonly callback: (length: number, buffer: Uint8Array) => boolean;
}

/**
 * Buffers that a TCP socket is read into. Heads and short content are read into a small one, and copied out of it. Long
 * content is read into large ones, of which the bytes are handed on without a copy; they are used again once their reader
 * has given them back.
 */
export class ReadBuffers implements OnRead {
  readonly #read: (bytes: Buffer) => void;
  readonly #small: Buffer = Buffer.from(new ArrayBuffer(SMALL));
  #current: Buffer = this.#small;
  /** Whether long content is being read. */
  #long = false;
  /** Number of pieces of the current buffer that were handed on. */
  #lent = 0;
  /** Bytes of the current buffer that were read and may be handed on. */
  #filled = 0;
  /** Large buffers whose bytes a reader has, by their memory. Buffers that are never given back are collected. */
  #loans = new WeakMap<ArrayBufferLike, Loan>();
  #spare: Buffer[] = [];

  /** @param read Called with the bytes of each read. They are valid until it returns, unless they are lent. */
  constructor(read: (bytes: Buffer) => void) {
    this.#read = read;
  }

  /** Expects long content from the next read on. */
  expectLong(): void {
    this.#long = true;
  }

  /** Expects heads from the next read on. */
  expectShort(): void {
    this.#long = false;
    this.#spare = [];
    this.#loans = new WeakMap();
  }

  readonly buffer = (): Uint8Array => {
    if (this.#lent === 0) this.#filled = 0;
    else if (LARGE - this.#filled >= MIN_READ && this.#long) {
      return this.#current.subarray(this.#filled);
    } else this.#lend();
    const isLarge = this.#current !== this.#small;
    if (isLarge !== this.#long) {
      this.#current = this.#long
        ? this.#spare.pop() ?? Buffer.from(new ArrayBuffer(LARGE))
        : this.#small;
    }
    return this.#current;
  };

  readonly callback = (length: number): boolean => {
    const current = this.#current;
    const from = this.#filled;
    if (current === this.#small) this.#long ||= length === SMALL;
    else this.#filled += length;
    const isAll = length === current.length;
    this.#read(isAll ? current : current.subarray(from, from + length));
    return true;
  };

  /** Returns a piece of the bytes that are being read as one that stays valid. */
  keep(piece: Uint8Array): Uint8Array {
    if (this.#current === this.#small) return new Uint8Array(piece); // a copy
    this.#lent++;
    return piece;
  }

  /** Takes back the memory of a piece that was lent. */
  recycle({ buffer }: Uint8Array): void {
    if (buffer === this.#current.buffer) return void this.#lent--;
    const loan = this.#loans.get(buffer);
    if (!loan || --loan.left > 0) return;
    this.#loans.delete(buffer);
    if (this.#long && this.#spare.length < MAX_SPARE) this.#spare.push(loan.buffer);
  }

  /** Leaves the current buffer to those who read its bytes. */
  #lend(): void {
    this.#loans.set(this.#current.buffer, { buffer: this.#current, left: this.#lent });
    this.#current = this.#small;
    this.#filled = this.#lent = 0;
  }
}

interface Loan {
  readonly buffer: Buffer;
  /** Number of pieces that were not given back. */
  left: number;
}
