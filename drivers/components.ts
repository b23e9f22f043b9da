/**
 * Components: programs of the world `fastly:compute/service`, as Fastly's Python SDK makes them.
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

export type {
  CompiledComponent,
  ComponentHost,
  ComponentInstance,
  ComponentLoader,
  ComponentTerms,
  ImportFunctionType,
  ImportType,
} from "../service/util/component_loader.ts";
export type { GuestMemory } from "../service/util/guest_memory.ts";

/** Loads components: their structure is read, and their core modules are compiled, without any code made of text. */
export const componentLoader: ComponentLoader = { compile: compileComponent };
