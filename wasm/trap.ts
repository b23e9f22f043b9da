import { shownName } from "../service/util/shown_name.ts";
import { demangle } from "./demangle.ts";
import { LOOP } from "./stack.ts";

/** Maximum number of lines of frames in a message. */
const MAX_FRAMES = 50;
/** Maximum number of frames that are read, even if `Error.stackTraceLimit` is set higher. */
const MAX_READ = 1000;
/** Maximum number of frames in a cycle of functions that call each other. */
const MAX_CYCLE = 8;
/** Repetitions from which a cycle is folded. */
const MIN_REPEATS = 2;
/** Longest name that is demangled, in characters. */
const MAX_MANGLED = 4096;

/** Frame of a guest's function. */
interface Frame {
  /** Empty if the module has no name for it. */
  readonly name: string;
  readonly index: string;
  /** Offset in the module that runs. */
  readonly offset: number;
}

/**
 * Appends the guest's frames in an error's stack to a text, innermost first, each on a line of its own.
 *
 * @param text Message that the frames follow.
 * @param locate Returns the offset in the guest's file of an offset in the module that runs: undefined for code that the
 *   host has added, NaN if the module is one of several and not known.
 */
export function withFrames(
  text: string,
  error: unknown,
  locate: (offset: number) => number | undefined,
): string {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const frames = stack.split("\n").flatMap((line) => frameOf(line) ?? []);
  const guests = frames.filter(({ name }) => name !== LOOP).slice(0, MAX_READ);
  const lines = folded(guests).flatMap(({ frames, repeats }) => {
    const shown = frames.flatMap((frame) => shownFrame(frame, locate) ?? []);
    if (!repeats || !shown.length) return shown;
    const which = shown.length === 1 ? "" : `these ${shown.length} frames `;
    return [...shown, `  ... ${which}${repeats} more times`];
  });
  return [text, ...lines.slice(0, MAX_FRAMES)].join("\n");
}

function shownFrame(
  { name, index, offset }: Frame,
  locate: (offset: number) => number | undefined,
): string | undefined {
  const at = locate(offset);
  if (at === undefined) return undefined;
  const place = Number.isNaN(at) ? "" : ` (0x${at.toString(16)})`;
  return `  at ${name ? shownFunction(name) : `function ${index}`}${place}`;
}

/** Frames that occur several times in a row, as recursion leaves them. */
interface Fold {
  readonly frames: readonly Frame[];
  /** Number of repetitions after the first occurrence; 0 for a frame that is not repeated. */
  readonly repeats: number;
}

/** Folds repeated frames, by the shortest cycle of up to {@linkcode MAX_CYCLE} frames. */
function folded(frames: readonly Frame[]): Fold[] {
  const folds: Fold[] = [];
  for (let at = 0; at < frames.length;) {
    const { length, repeats } = cycleAt(frames, at);
    folds.push({ frames: frames.slice(at, at + length), repeats });
    at += length * (repeats + 1);
  }
  return folds;
}

function cycleAt(frames: readonly Frame[], at: number): { length: number; repeats: number } {
  for (let length = 1; length <= MAX_CYCLE; length++) {
    let end = at + length;
    while (end < frames.length && isSame(frames[end]!, frames[end - length]!)) end++;
    const repeats = Math.floor((end - at) / length) - 1;
    if (repeats >= MIN_REPEATS) return { length, repeats };
  }
  return { length: 1, repeats: 0 };
}

function isSame(one: Frame, other: Frame): boolean {
  return one.offset === other.offset && one.index === other.index && one.name === other.name;
}

/**
 * Parses V8's line for a guest function: `    at name (wasm://wasm/hash:wasm-function[12]:0x34)`, or without the name and
 * the parentheses. It is searched from its end, in linear time, since a name may be long and contain any text.
 */
function frameOf(line: string): Frame | undefined {
  const tail = line.slice(line.lastIndexOf(":wasm-function["));
  const place = /^:wasm-function\[(\d+)\]:(0x[0-9a-f]+)\)?$/.exec(tail);
  const at = /^\s{1,8}at /.exec(line)?.[0];
  if (!place || at === undefined) return undefined;
  const url = line.lastIndexOf(" (wasm://");
  const name = url < 0 ? "" : line.slice(at.length, url);
  return { name, index: place[1]!, offset: Number(place[2]) };
}

function shownFunction(name: string): string {
  return shownName(name.length > MAX_MANGLED ? name : demangle(name));
}
