import { builtin } from "../service/util/builtins.ts";
import type { GuestMemory } from "../service/util/guest_memory.ts";
import { moduleOf, RESTORE_MODULE } from "./embedded.ts";
import { atOnce } from "./turns.ts";
import { ADDED_PAGES, DIRTY_PAGE_BITS, NEAR, PAGE } from "./rewrite/control.ts";
import type { Resetting } from "./rewrite/rewrite.ts";

/** Words of four bytes in a page of the machine's memory, which takes none before it is written to. */
const WORDS = 1024;
/** Bytes of a memory that are read or copied in one step. */
const STEP = 2 ** 20;
/** Maximum number of bytes that one store instruction writes. */
const LONGEST_STORE = 16;
/** Maximum number of bytes after a dirty page that a store writes for which it is marked; {@linkcode NEAR} are before it. */
const SPILL = NEAR + LONGEST_STORE;
const MODULE = moduleOf(RESTORE_MODULE);
const SIZES = { bits: DIRTY_PAGE_BITS, near: NEAR, spill: SPILL };
/** Largest growth, in bytes, that a reset allows. An instance whose memory has grown more is dropped. */
const MAX_GROWN = 32 * 2 ** 20;

/** Memory of an instance that is not reused. */
export class PlainMemory implements GuestMemory {
  readonly #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  get buffer(): ArrayBuffer {
    return this.#memory.buffer as ArrayBuffer;
  }

  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  mark(): void {}
}

/** Memory of a module that has none. */
export const NO_MEMORY: GuestMemory = { buffer: new ArrayBuffer(0), size: 0, mark() {} };

/** Initial contents of one memory, in whole pages, without the zeros at their end. */
interface Snapshot {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Initial contents of one memory of a program. Instances that start with the same bytes share one copy. */
export class MemorySnapshots {
  readonly #alike: boolean;
  #first: Snapshot | undefined;

  /**
   * @param alike Whether all instances are known to start with the same bytes, which holds if no start function runs.
   *   Otherwise the bytes of each instance are compared with those of the first.
   * @param image Data that the host writes into each instance's memory before any code runs. By default there is none.
   */
  constructor(alike: boolean, image?: Snapshot) {
    this.#alike = alike;
    if (alike) this.#first = image;
  }

  /** Returns a snapshot of a new instance's memory. */
  of(bytes: Uint8Array): Snapshot {
    return atOnce(this.inSteps(bytes));
  }

  /** Does the work of {@linkcode MemorySnapshots.of} in steps, between which the event loop can run. */
  *inSteps(bytes: Uint8Array): Generator<void, Snapshot> {
    const known = this.#first;
    if (known && this.#alike) return known;
    const length = yield* lengthWithoutZeros(bytes);
    const start = bytes.subarray(0, length);
    if (known && (yield* areEqual(known.bytes, start))) return known;
    const snapshot = yield* copyOf(start);
    this.#first ??= snapshot;
    return snapshot;
  }
}

/** Returns the number of bytes without the pages of zeros at their end. */
function* lengthWithoutZeros(bytes: Uint8Array): Generator<void, number> {
  const words = wordsOf(bytes);
  let end = words.length;
  while (end > 0) {
    const stop = Math.max(0, end - STEP / 4);
    while (end > stop && words[end - 1] === 0) end--;
    if (end > stop) break;
    yield;
  }
  return Math.ceil(end * 4 / PAGE) * PAGE;
}

function* areEqual(one: Uint8Array, other: Uint8Array): Generator<void, boolean> {
  if (one.length !== other.length) return false;
  const { compare } = builtin("node:buffer").Buffer;
  for (let from = 0; from < one.length; from += STEP) {
    const to = from + STEP;
    if (compare(one.subarray(from, to), other.subarray(from, to)) !== 0) return false;
    yield;
  }
  return true;
}

/** Copies whole pages without touching the parts of the copy that are all zeros, which then take no memory. */
function* copyOf(original: Uint8Array): Generator<void, Snapshot> {
  const pages = original.length / PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const bytes = new Uint8Array(memory.buffer as ArrayBuffer);
  const [words, copy] = [wordsOf(original), wordsOf(bytes)];
  for (let from = 0; from < words.length; from += WORDS) {
    const end = Math.min(words.length, from + WORDS);
    let at = from;
    while (at < end && words[at] === 0) at++;
    if (at < end) copy.set(words.subarray(at, end), at);
    if (end % (STEP / 4) === 0) yield;
  }
  return { memory, bytes };
}

function wordsOf({ buffer, byteOffset, length }: Uint8Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length / 4);
}

/** Memory of an instance of a rewritten module, which can be reset to its initial contents. */
export class ResettableMemory implements GuestMemory {
  readonly #memory: WebAssembly.Memory;
  /** Number of pages that the guest starts with. */
  readonly #min: number;
  /** Control memory, where the number of added pages is at {@linkcode ADDED_PAGES}. */
  readonly #counts: Int32Array;
  readonly #control: WebAssembly.Memory;
  /** Control memory, which begins with the dirty map: one byte for each 1 KiB that the memory may ever have. */
  readonly #dirtyMap: Uint8Array;
  /** Whether writes mark dirty pages. If not, a reset copies all of the memory. */
  readonly #marks: boolean;
  readonly #snapshots: MemorySnapshots;
  #snapshot: Snapshot | undefined;
  /** Restores the dirty pages and clears their marks; undefined where writes mark none. */
  #restoreDirtyPages: (() => void) | undefined;
  readonly #firstAdded: number;
  readonly #firstBytes: number;
  #bytes: Uint8Array<ArrayBuffer>;

  /** Makes the memory of an instance that has not run yet; {@linkcode ResettableMemory.keep} follows before it runs. */
  constructor(
    memory: WebAssembly.Memory,
    control: WebAssembly.Memory,
    { min, dirtyPages }: Resetting,
    snapshots: MemorySnapshots,
  ) {
    this.#memory = memory;
    this.#min = min;
    this.#marks = dirtyPages;
    this.#control = control;
    this.#counts = new Int32Array(control.buffer);
    this.#dirtyMap = new Uint8Array(control.buffer);
    this.#bytes = new Uint8Array(memory.buffer as ArrayBuffer);
    this.#snapshots = snapshots;
    this.#firstAdded = this.#counts[ADDED_PAGES / 4]!;
    this.#firstBytes = this.#bytes.length;
  }

  /** Keeps the present bytes as the initial ones. Large memories take some 10 ms. */
  keep(): void {
    atOnce(this.keepInSteps());
  }

  /** Does the work of {@linkcode ResettableMemory.keep} in steps, between which the event loop can run. */
  *keepInSteps(): Generator<void, void> {
    this.#snapshot = yield* this.#snapshots.inSteps(this.#bytes);
    // The snapshot has the pages that a start function wrote.
    this.#dirtyMap.fill(0, 0, this.#bytes.length >>> DIRTY_PAGE_BITS);
    if (this.#marks) this.#restoreDirtyPages = this.#restorer(this.#snapshot.memory);
  }

  #restorer(snapshot: WebAssembly.Memory): () => void {
    const memories = { memory: this.#memory, control: this.#control, snapshot };
    const { exports } = new WebAssembly.Instance(MODULE, { "": { ...memories, ...SIZES } });
    return exports.restore as () => void;
  }

  get buffer(): ArrayBuffer {
    return this.#view().buffer;
  }

  get size(): number {
    return (this.#min + this.#counts[ADDED_PAGES / 4]!) * PAGE;
  }

  mark(ptr: number, length: number): void {
    if (!length || !this.#marks) return;
    const first = ptr >>> DIRTY_PAGE_BITS;
    const last = (ptr + length - 1) >>> DIRTY_PAGE_BITS;
    if (first === last) this.#dirtyMap[first] = 1;
    else this.#dirtyMap.fill(1, first, last + 1);
  }

  /**
   * Resets every byte to its initial value, including bytes beyond the guest's present size.
   *
   * @returns Whether the instance can be reused. A memory that has grown by more than 32 MiB is not reset.
   */
  reset(): boolean {
    const bytes = this.#view();
    if (bytes.length > this.#firstBytes + MAX_GROWN) return false;
    if (this.#restoreDirtyPages) this.#restoreDirtyPages();
    else this.#restoreAll(bytes);
    this.#counts[ADDED_PAGES / 4] = this.#firstAdded;
    return true;
  }

  /** Resets every byte, dirty or not, and returns how many milliseconds that took. */
  timeFullReset(): number {
    const bytes = this.#view();
    const start = performance.now();
    this.#restoreAll(bytes);
    return performance.now() - start;
  }

  #restoreAll(bytes: Uint8Array): void {
    const snapshot = this.#snapshot!.bytes;
    bytes.set(snapshot);
    bytes.fill(0, snapshot.length);
  }

  /** Returns a view of the memory. Growth detaches the buffer, so the view is made anew after it. */
  #view(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length === 0) {
      this.#bytes = new Uint8Array(this.#memory.buffer as ArrayBuffer);
    }
    return this.#bytes;
  }
}
