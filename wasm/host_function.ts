import { HOST_FUNCTION_MODULE, moduleOf } from "./embedded.ts";

const MODULE = moduleOf(HOST_FUNCTION_MODULE);

/**
 * Wraps a function of the host in a WebAssembly function, since a table takes no other.
 *
 * @param run Function without parameters and result.
 * @throws {WebAssembly.LinkError} If `run` is a WebAssembly function with parameters or a result.
 */
export function hostFunction(run: CallableFunction): CallableFunction {
  const { exports } = new WebAssembly.Instance(MODULE, { "": { run: run as () => void } });
  return exports.run as CallableFunction;
}
