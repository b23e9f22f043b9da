import { shownName } from "../service/shown_name.ts";
import { demangle } from "./demangle.ts";
import { LOOP } from "./stack.ts";

/** Most frames that a message has, for an `Error.stackTraceLimit` that is set higher. */
const MOST_FRAMES = 50;
/** Longest name that is demangled, in characters. */
const MOST_MANGLED = 4096;

/** A function of the guest on the stack. */
interface Frame {
  /** Empty if the module has no name for it. */
  readonly name: string;
  readonly index: string;
  /** In the module that runs. */
  readonly offset: number;
}

/**
 * The guest's functions in which it ended against its will, innermost first, each on a line of its own after `text`.
 *
 * @param locate Tells which byte of the guest's file an offset stands for: what its debug information speaks of.
 */
export function withFrames(
  text: string,
  error: unknown,
  locate: (offset: number) => number | undefined,
): string {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const frames = stack.split("\n").flatMap((line) => frameOf(line) ?? []);
  const guests = frames.filter(({ name }) => name !== LOOP).slice(0, MOST_FRAMES);
  const lines = guests.flatMap(({ name, index, offset }) => {
    const at = locate(offset)?.toString(16);
    if (at === undefined) return [];
    return `  at ${name ? shownFunction(name) : `function ${index}`} (0x${at})`;
  });
  return [text, ...lines].join("\n");
}

/**
 * Reads V8's line for a guest function: `    at name (wasm://wasm/hash:wasm-function[12]:0x34)`, or without the name and
 * the parentheses. It is searched from its end, in time linear in its length, since a name may be long and have any text.
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
  return shownName(name.length > MOST_MANGLED ? name : demangle(name));
}
