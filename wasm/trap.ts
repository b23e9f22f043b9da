import { demangle } from "./demangle.ts";

// V8's frame of a guest function: "    at name (wasm://wasm/hash:wasm-function[12]:0x34)", the name left out if unknown.
const FRAME = /^\s+at (?:(.*) \()?wasm:\/\/.*wasm-function\[(\d+)\]:(0x[0-9a-f]+)\)?$/;

/** Why a guest ended against its will: the trap's message, then the guest's functions, innermost first. */
export function describeTrap(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = (error.stack ?? "").split("\n").map((line) => FRAME.exec(line));
  const lines = frames.filter((frame) => frame !== null).map(([, name, index, offset]) =>
    `  at ${name ? demangle(name) : `function ${index}`} (${offset})`
  );
  return [error.message, ...lines].join("\n");
}
