import type { Interface } from "./interface.ts";

/** Interfaces of the run itself, which `../runtime.ts` implements. */
export const RUNTIME: Readonly<Record<string, Interface>> = {
  "fastly:compute/compute-runtime": {
    uses: {
      "error": "types.error",
    },
    resources: ["products"],
    types: {
      "vcpu-ms": "u64",
      "memory-mib": "u32",
    },
    functions: {
      "get-vcpu-ms": "() -> vcpu-ms",
      "get-heap-mib": "() -> memory-mib",
      "get-sandbox-id": "() -> string",
      "get-hostname": "() -> string",
      "get-pop": "() -> string",
      "get-region": "() -> string",
      "get-cache-generation": "() -> u64",
      "get-customer-id": "() -> string",
      "get-is-staging": "() -> bool",
      "get-service-id": "() -> string",
      "get-service-version": "() -> u64",
      "get-namespace-id": "() -> string",
      "[static]products.new": "() -> products",
      "[method]products.has-domain-inspector": "(self: borrow<products>) -> result<bool, error>",
      "[method]products.has-image-optimizer": "(self: borrow<products>) -> result<bool, error>",
      "[method]products.has-origin-inspector": "(self: borrow<products>) -> result<bool, error>",
    },
  },
  "fastly:compute/async-io": {
    uses: {},
    resources: ["pollable"],
    types: {},
    functions: {
      "select": "(handles: list<borrow<pollable>>) -> u32",
      "select-with-timeout": "(handles: list<borrow<pollable>>, timeout-ms: u32) -> option<u32>",
      "[method]pollable.is-ready": "(self: borrow<pollable>) -> bool",
      "[static]pollable.new-ready": "() -> pollable",
    },
  },
};
