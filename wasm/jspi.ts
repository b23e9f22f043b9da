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

/** What a guest's code knows an exception of JavaScript by. */
export const js: WebAssembly.ImportValue = JSTag;

/** An import in which the guest is suspended when it answers a promise. */
export function suspending(run: CallableFunction): WebAssembly.ImportValue {
  return new Suspending(run);
}

/** An export as a function that resolves when the guest has come to its end. */
export function promising(run: CallableFunction): () => Promise<unknown> {
  return promise(run);
}
