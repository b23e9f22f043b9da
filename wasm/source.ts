import { messageOf } from "../service/errors.ts";
import { shownValue } from "../service/util/shown_value.ts";

const COMPONENT_LAYER = 1;

/** Source of a program. */
export type Source = URL | Uint8Array | Response | WebAssembly.Module;

/**
 * Reads the bytes of a program. A compiled module is returned as it is.
 *
 * @throws {Error} If nothing can be read, or it is no WebAssembly.
 */
export async function readSource(
  source: Source,
): Promise<Uint8Array<ArrayBuffer> | WebAssembly.Module> {
  return source instanceof WebAssembly.Module ? source : await readModule(source);
}

/**
 * Reads the bytes of a program.
 *
 * @throws {Error} If nothing can be read, or it is no WebAssembly.
 */
export async function readModule(
  source: URL | Uint8Array | Response,
): Promise<Uint8Array<ArrayBuffer>> {
  return checkMagic(await read(source));
}

/** Tells whether a program is a component. */
export function isComponent(
  program: Uint8Array<ArrayBuffer> | WebAssembly.Module,
): program is Uint8Array<ArrayBuffer> {
  return program instanceof Uint8Array && program[6] === COMPONENT_LAYER;
}

/**
 * Reads bytes, without checking them.
 *
 * @throws {Error} If the URL cannot be read, or the status of the response is no success.
 */
export async function read(source: URL | Uint8Array | Response): Promise<Uint8Array<ArrayBuffer>> {
  if (source instanceof Uint8Array) return source as Uint8Array<ArrayBuffer>;
  if (!(source instanceof URL || source instanceof Response)) return noSource(source);
  const name = source instanceof URL ? source.href : source.url || "the response";
  try {
    const response = source instanceof URL ? await fetch(source) : source;
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`the status is ${response.status}`);
    }
    return await response.bytes();
  } catch (cause) {
    throw new Error(`Cannot load a program from ${name}: ${messageOf(cause)}`, { cause });
  }
}

function noSource(source: unknown): never {
  const file = typeof source === "string" ? source.replace(/^(?![./])/, "./") : "./app.wasm";
  throw new TypeError(
    `Cannot load a program from ${
      shownValue(source)
    }: it is neither a URL, bytes, a Response nor ` +
      `a compiled module (for a file: new URL(${JSON.stringify(file)}, import.meta.url))`,
  );
}

function checkMagic(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const magic = bytes.length >= 8 && String.fromCharCode(...bytes.subarray(0, 4));
  if (magic !== "\0asm") throw new Error("Cannot load the program: it is not a WebAssembly module");
  return bytes;
}
