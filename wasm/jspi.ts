/**
 * JavaScript Promise Integration: a guest that calls a suspending import is suspended until its promise settles.
 * Deno runs it; its types lack it.
 *
 * @module
 */
interface Jspi {
  Suspending: new (run: CallableFunction) => WebAssembly.ImportValue;
  promising(run: CallableFunction): (...args: unknown[]) => Promise<unknown>;
  JSTag: WebAssembly.ImportValue;
}

const { Suspending, promising: promise, JSTag } = WebAssembly as unknown as Jspi;

/** Tag of JavaScript's exceptions, for a guest's `catch`. */
export const js: WebAssembly.ImportValue = JSTag;

/** Makes an import that suspends the guest while a promise that it returns is not settled. */
export function suspending(run: CallableFunction): WebAssembly.ImportValue {
  return new Suspending(run);
}

/** Makes a function of an export that may be suspended; its promise settles when the guest has returned or thrown. */
export function promising(run: CallableFunction): () => Promise<unknown> {
  return promise(run);
}
