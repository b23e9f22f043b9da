import { demangle } from "./demangle.ts";

// V8's frame of a guest function: "    at name (wasm://wasm/hash:wasm-function[12]:0x34)", the name left out if unknown.
const FRAME = /^\s+at (?:(.*) \()?wasm:\/\/.*wasm-function\[(\d+)\]:(0x[0-9a-f]+)\)?$/;

/**
 * Why a guest ended against its will: the trap's message, then the guest's functions, innermost first.
 *
 * @param locate Tells which byte of the guest's file an offset stands for: what its debug information speaks of.
 */
export function describeTrap(error: unknown, locate: (offset: number) => number): string {
  if (!(error instanceof Error)) return String(error);
  const frames = (error.stack ?? "").split("\n").map((line) => FRAME.exec(line));
  const lines = frames.filter((frame) => frame !== null).map(([, name, index, offset]) =>
    `  at ${name ? demangle(name) : `function ${index}`} (0x${locate(Number(offset)).toString(16)})`
  );
  return [error.message, ...lines].join("\n");
}
