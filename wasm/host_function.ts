import { HOST_FUNCTION_MODULE, moduleOf } from "./embedded.ts";

const MODULE = moduleOf(HOST_FUNCTION_MODULE);

/**
 * Makes a WebAssembly function of one of the host, as a table takes it.
 *
 * @param run Takes and returns nothing.
 * @throws {WebAssembly.LinkError} If it is a WebAssembly function that takes or returns something.
 */
export function hostFunction(run: CallableFunction): CallableFunction {
  const { exports } = new WebAssembly.Instance(MODULE, { "": { run: run as () => void } });
  return exports.run as CallableFunction;
}
