import { PAGE } from "./rewrite/control.ts";
import { Id, Reader, type Section, Writer } from "./rewrite/binary.ts";
import { type Layout, layoutOf } from "./rewrite/layout.ts";

/** Kind of a segment that is written into memory 0 when an instance is made. */
const ACTIVE = 0;
/** Kind of a segment that waits for `memory.init`. */
const PASSIVE = 1;
const I32_CONST = 0x41;
const END = 0x0b;
/** Most bytes of a number of 32 bits. */
const LONGEST = 5;
/** Most segments that V8 takes (`kV8MaxWasmDataSegments`). */
const MAX_SEGMENTS = 100_000;
/** Largest image, in bytes. */
const MAX_IMAGE = 256 * 2 ** 20;
/** Bytes for which a run is begun anew: pages without data stay untouched, and take no memory. */
const RUN = 4096;
/** Most bytes that are copied one by one, which takes less time than a view of them. */
const MAX_BY_HAND = 64;

/** First contents of an instance's memory, made of data segments. */
export interface DataImage {
  /** Memory that has them, up to the page in which the last segment ends; a reset copies from it. */
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Start and end of each run of pages that have data, in order. */
  readonly runs: readonly number[];
}

/** Module whose data is held apart. */
export interface Parted {
  /** Layout of the module whose segments are empty. */
  readonly layout: Layout;
  readonly image: DataImage;
}

/**
 * Takes the data out of a module, to be written into each instance's memory by the host before the instance is made. Two
 * builds that differ in their data alone, as all of Fastly's JavaScript SDK do, become the same module.
 *
 * A segment that was written is empty for `memory.init`, as an empty passive one is; so the rest is valid if the module is,
 * and runs alike. This holds only if all segments are known to be valid and within the only memory: else the result is
 * undefined, and V8 tells what is wrong, when it compiles the module or makes an instance.
 *
 * @throws {RangeError} If the module is cut off.
 */
export function parted(layout: Layout): Parted | undefined {
  const { bytes, imported, memories, find, sections } = layout;
  const section = find(Id.data);
  const [memory] = memories;
  if (!section || !memory || memories.length > 1 || imported.memory) return;
  if (memory.shared || memory.wide || sections.filter(({ id }) => id === Id.data).length > 1) {
    return;
  }
  const declared = find(Id.dataCount);
  const count = wholeNumber(bytes, section.body);
  if (count > MAX_SEGMENTS || declared && wholeNumber(bytes, declared.body) !== count) return;
  const size = Math.min(memory.min * PAGE, MAX_IMAGE);
  let length = 0;
  const valid = eachSegment(bytes, section, (_to, _from, end) => {
    length = Math.max(length, end);
    return end <= size;
  });
  if (!valid) return;
  const rest = withEmptySegments(bytes, section, declared ? count : 0);
  return { layout: layoutOf(rest), image: imageOf(bytes, section, length) };
}

/**
 * Calls a function with each segment: its address in memory, its place in the module, and its end in memory.
 *
 * @returns Whether the section is valid, all its segments are active, and the function has returned true for each.
 */
function eachSegment(
  bytes: Uint8Array,
  { body, end }: Section,
  visit: (to: number, from: number, toEnd: number) => boolean,
): boolean {
  const r = new Reader(bytes, body);
  r.skipNumber();
  for (let left = wholeNumber(bytes, body); left > 0; left--) {
    if (r.at + 2 > end || r.byte() !== ACTIVE || r.byte() !== I32_CONST) return false;
    const to = address(r);
    if (r.byte() !== END) return false;
    const length = wholeNumber(bytes, r.at);
    r.skipNumber();
    const from = r.at;
    r.at += length;
    if (!(r.at <= end) || !visit(to, from, to + length)) return false;
  }
  return r.at === end;
}

/** Reads an unsigned number of 32 bits; NaN if it is none, so that no comparison with it holds. */
function wholeNumber(bytes: Uint8Array, start: number): number {
  const r = new Reader(bytes, start);
  const value = r.unsigned();
  return r.at - start > LONGEST || value >= 2 ** 32 ? NaN : value;
}

/** Reads a signed number of 32 bits as an address; NaN if it is none. */
function address(r: Reader): number {
  let value = 0;
  for (let shift = 0;; shift += 7) {
    const byte = r.byte();
    value |= (byte & 0x7f) << shift;
    if (shift === 28) return byte < 0x08 || (byte > 0x77 && byte < 0x80) ? value >>> 0 : NaN;
    if (byte < 0x80) return (byte & 0x40 ? value | -1 << shift + 7 : value) >>> 0;
  }
}

/** Copies a module with passive segments of no bytes in place of its own. */
function withEmptySegments(
  bytes: Uint8Array,
  { start, end }: Section,
  count: number,
): Uint8Array<ArrayBuffer> {
  const empty = new Writer(2 * count + 16).byte(Id.data).sized((w) => {
    w.unsigned(count);
    for (let i = 0; i < count; i++) w.byte(PASSIVE, 0);
  }).view();
  const rest = new Uint8Array(start + empty.length + bytes.length - end);
  rest.set(bytes.subarray(0, start));
  rest.set(empty, start);
  rest.set(bytes.subarray(end), start + empty.length);
  return rest;
}

/** Makes the image of valid segments, of which later ones are written over earlier ones. */
function imageOf(bytes: Uint8Array, section: Section, length: number): DataImage {
  const pages = Math.ceil(length / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const image = new Uint8Array(memory.buffer as ArrayBuffer);
  const touched = new Uint8Array(Math.ceil(length / RUN) + 1); // the last one ends the last run
  eachSegment(bytes, section, (to, from, end) => {
    const count = end - to;
    if (!count) return true;
    touched.fill(1, Math.floor(to / RUN), Math.ceil(end / RUN));
    if (count > MAX_BY_HAND) image.set(bytes.subarray(from, from + count), to);
    else for (let i = 0; i < count; i++) image[to + i] = bytes[from + i]!;
    return true;
  });
  const runs: number[] = [];
  let inRun = 0;
  for (let page = 0; page < touched.length; page++) {
    if (touched[page] === inRun) continue;
    inRun = touched[page]!;
    runs.push(Math.min(length, page * RUN));
  }
  return { memory, bytes: image, runs };
}

/** Writes an image into the memory of an instance that is about to be made. */
export function writeImage({ bytes, runs }: DataImage, memory: WebAssembly.Memory): void {
  const target = new Uint8Array(memory.buffer);
  for (let i = 0; i < runs.length; i += 2) {
    target.set(bytes.subarray(runs[i], runs[i + 1]), runs[i]);
  }
}
