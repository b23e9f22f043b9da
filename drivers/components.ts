/**
 * Loads programs that are components of the world `fastly:compute/service`, as Fastly's Python SDK builds them.
 *
 * ```ts
 * import { componentLoader } from "./drivers/components.ts";
 *
 * const app = await Fastlike.load(source, { components: componentLoader });
 * ```
 *
 * @module
 */
import type { ComponentLoader } from "../service/util/component_loader.ts";
import { compileComponent } from "../wasm/component/program.ts";

export type * from "../service/util/component_loader.ts";
export type { CodeCache } from "../service/util/code_cache.ts";
export type { GuestMemory } from "../service/util/guest_memory.ts";

/**
 * Loader of components, for `ServiceOptions.components`. It reads their structure and compiles their core modules; no
 * JavaScript is generated.
 */
export const componentLoader: ComponentLoader = { compile: compileComponent };
