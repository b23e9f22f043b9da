import { builtin } from "../service/util/builtins.ts";
import { PAGE } from "./rewrite/control.ts";
import { Id, Reader, type Section, Writer } from "./rewrite/binary.ts";
import type { Layout } from "./rewrite/layout.ts";

/** Kind of a segment that is written into memory 0 when an instance is made. */
const ACTIVE = 0;
/** Kind of a segment that waits for `memory.init`. */
const PASSIVE = 1;
const I32_CONST = 0x41;
const END = 0x0b;
/** Most bytes of a number of 32 bits. */
const LONGEST = 5;
/** Numbers for each segment: its address, its place in the module, its length. */
const WIDTH = 3;
/** Names of custom sections with an id that differs in each build. */
const BUILD_IDS = ["go:buildid", "build_id"];
const LONGEST_NAME = 10;
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
  /** The module without its data, in pieces. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  /** Whether these bytes are the module without its data. */
  isWithoutData(bytes: Uint8Array): boolean;
  /** Makes the module whose segments are empty. */
  withoutData(): Uint8Array<ArrayBuffer>;
  image(): DataImage;
}

/**
 * Takes the data out of a module, to be written into each instance's memory by the host before the instance is made. Two
 * builds that differ in their data alone become the same module, as all of Fastly's JavaScript SDK do; the ids that
 * linkers give builds are left out, too.
 *
 * A segment that was written is empty for `memory.init`, as an empty passive one is; so the rest is valid if the module is,
 * and runs alike. This holds only if all segments are known to be valid and within the only memory: else the result is
 * undefined, and V8 reports the fault, when it compiles the module or makes an instance.
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
  if (!(count <= MAX_SEGMENTS) || declared && wholeNumber(bytes, declared.body) !== count) return;
  const size = Math.min(memory.min * PAGE, MAX_IMAGE);
  const segments = readSegments(bytes, section, { count, size });
  if (!segments) return;
  const pieces = piecesOf(layout, section, emptySegments(declared ? count : 0));
  return {
    pieces: pieces as Uint8Array<ArrayBuffer>[],
    isWithoutData: (other) => isJoined(pieces, other),
    withoutData: () => joined(pieces),
    image: () => imageOf(bytes, segments),
  };
}

/** Reads an unsigned number of 32 bits; NaN if it is none, so that no comparison with it holds. */
function wholeNumber(bytes: Uint8Array, start: number): number {
  const r = new Reader(bytes, start);
  const value = r.unsigned();
  return r.at - start > LONGEST || value >= 2 ** 32 ? NaN : value;
}

/**
 * Reads all segments, each as three numbers: its address in memory, its place in the module, and its length. A Go program
 * has 70,000 segments, so this is one loop without calls, which V8 optimises soon.
 *
 * @returns Undefined unless the section is valid, all its segments are active, and they end within `size`.
 */
function readSegments(
  bytes: Uint8Array,
  { body, end }: Section,
  { count, size }: { readonly count: number; readonly size: number },
): Uint32Array | undefined {
  const segments = new Uint32Array(count * WIDTH);
  const head = new Reader(bytes, body);
  head.skipNumber();
  let { at } = head;
  for (let i = 0; i < segments.length; i += WIDTH) {
    if (bytes[at++] !== ACTIVE || bytes[at++] !== I32_CONST) return;
    let byte = 0;
    let to = 0;
    let shift = 0;
    do {
      byte = bytes[at++]!;
      to |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80 && shift < LONGEST * 7);
    if (shift < 32 && byte & 0x40) to |= -1 << shift;
    else if (shift > 32 && byte > 0x07 && (byte < 0x78 || byte > 0x7f)) return;
    if (bytes[at++] !== END) return;
    let length = 0;
    shift = 0;
    do {
      byte = bytes[at++]!;
      length |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80 && shift < LONGEST * 7);
    if (shift > 32 && byte > 0x0f) return;
    segments[i] = to;
    segments[i + 1] = at;
    segments[i + 2] = length;
    at += length >>> 0;
    if (at > end || segments[i]! + segments[i + 2]! > size) return;
  }
  return at === end ? segments : undefined;
}

/** Writes a data section with passive segments of no bytes. */
function emptySegments(count: number): Uint8Array {
  return new Writer(2 * count + 16).byte(Id.data).sized((w) => {
    w.unsigned(count);
    for (let i = 0; i < count; i++) w.byte(PASSIVE, 0);
  }).view();
}

/** Cuts a module into pieces, with other bytes in place of its data section, and zeros in place of ids of the build. */
function piecesOf({ bytes, sections }: Layout, data: Section, empty: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let from = 0;
  const replace = (start: number, end: number, by: Uint8Array) => {
    pieces.push(bytes.subarray(from, start), by);
    from = end;
  };
  for (const section of sections) {
    if (section === data) replace(data.start, data.end, empty);
    if (section.id !== Id.custom) continue;
    for (const [start, end] of buildIds(bytes, section)) {
      replace(start, end, new Uint8Array(end - start));
    }
  }
  pieces.push(bytes.subarray(from));
  return pieces;
}

/** Finds the contents of custom sections with an id of the build, in a run of custom sections. */
function* buildIds(bytes: Uint8Array, { start, end }: Section): Generator<[number, number]> {
  const r = new Reader(bytes, start);
  while (r.at < end) {
    r.byte();
    const length = r.unsigned();
    const next = r.at + length;
    const name = r.unsigned();
    const content = r.at + name;
    // V8 refuses names that are longer than their section.
    if (content <= next && name <= LONGEST_NAME) {
      const text = String.fromCharCode(...bytes.subarray(r.at, content));
      if (BUILD_IDS.includes(text)) yield [content, next];
    }
    r.at = next;
  }
}

function isJoined(pieces: readonly Uint8Array[], bytes: Uint8Array): boolean {
  const { compare } = builtin("node:buffer").Buffer;
  let at = 0;
  return pieces.every((piece) => compare(piece, bytes.subarray(at, at += piece.length)) === 0) &&
    at === bytes.length;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Makes the image of segments, of which later ones are written over earlier ones. */
function imageOf(bytes: Uint8Array, segments: Uint32Array): DataImage {
  let length = 0;
  for (let i = 0; i < segments.length; i += WIDTH) {
    length = Math.max(length, segments[i]! + segments[i + 2]!);
  }
  const pages = Math.ceil(length / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const image = new Uint8Array(memory.buffer as ArrayBuffer);
  const touched = new Uint8Array(Math.ceil(length / RUN) + 1); // the last one ends the last run
  for (let i = 0; i < segments.length; i += WIDTH) {
    const to = segments[i]!;
    const from = segments[i + 1]!;
    const count = segments[i + 2]!;
    if (!count) continue;
    const last = Math.floor((to + count - 1) / RUN);
    for (let page = Math.floor(to / RUN); page <= last; page++) touched[page] = 1;
    if (count > MAX_BY_HAND) image.set(bytes.subarray(from, from + count), to);
    else for (let j = 0; j < count; j++) image[to + j] = bytes[from + j]!;
  }
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
