/**
 * JavaScript Promise Integration: a guest that calls a suspending import is suspended until the promise settles.
 *
 * @module
 */

/** JSPI's part of `WebAssembly`, which Deno's types lack. */
interface Jspi {
  Suspending: new (run: CallableFunction) => WebAssembly.ImportValue;
  promising(run: CallableFunction): (...args: unknown[]) => Promise<unknown>;
  JSTag: WebAssembly.ImportValue;
}

const { Suspending, promising: promise, JSTag } = WebAssembly as unknown as Jspi;

/** `WebAssembly.JSTag`, by which WebAssembly code catches exceptions of JavaScript. */
export const js: WebAssembly.ImportValue = JSTag;

/** Makes an import that suspends the guest until the promise that `run` returns settles. */
export function suspending(run: CallableFunction): WebAssembly.ImportValue {
  return new Suspending(run);
}

/** Wraps an export that may be suspended. The promise settles when the guest has returned or thrown. */
export function promising(run: CallableFunction): () => Promise<unknown> {
  return promise(run);
}
