import { BACKENDS } from "./backends.ts";
import { CACHES } from "./caches.ts";
import { HTTP } from "./http.ts";
import type { Interface } from "./interface.ts";
import { RUNTIME } from "./runtime.ts";
import { SHARED } from "./shared.ts";
import { STORES } from "./stores.ts";
import { WASI } from "./wasi.ts";

/**
 * Interfaces of `fastly:compute` 0.1, as Fastly publishes them in WIT. `tests/abi/components/components_test.ts`
 * compares them.
 */
export const FASTLY: Readonly<Record<string, Interface>> = {
  ...SHARED,
  ...HTTP,
  ...STORES,
  ...BACKENDS,
  ...CACHES,
  ...RUNTIME,
};

/** Every interface that a component may import, by its name without a version. */
export const INTERFACES: Readonly<Record<string, Interface>> = { ...FASTLY, ...WASI };
