import { demangle } from "./demangle.ts";
import { LOOP } from "./stack.ts";

// V8's frame of a guest function: "    at name (wasm://wasm/hash:wasm-function[12]:0x34)", the name left out if unknown.
const FRAME = /^\s+at (?:(.*) \()?wasm:\/\/.*wasm-function\[(\d+)\]:(0x[0-9a-f]+)\)?$/;

/**
 * The guest's functions in which it ended against its will, innermost first, each on a line of its own after `text`.
 *
 * @param locate Tells which byte of the guest's file an offset stands for: what its debug information speaks of.
 */
export function withFrames(
  text: string,
  error: unknown,
  locate: (offset: number) => number,
): string {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const frames = stack.split("\n").map((line) => FRAME.exec(line));
  const guests = frames.filter((frame) => frame !== null).filter(([, name]) => name !== LOOP);
  const lines = guests.map(([, name, index, offset]) =>
    `  at ${name ? demangle(name) : `function ${index}`} (0x${locate(Number(offset)).toString(16)})`
  );
  return [text, ...lines].join("\n");
}
