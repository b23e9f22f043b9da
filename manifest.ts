/**
 * Reads a `fastly.toml` into the options of a service, as the executable does. Unlike `mod.ts`, this module uses the file
 * system and the environment.
 *
 * ```ts
 * import { readManifest } from "./manifest.ts";
 * import { Fastlike } from "./mod.ts";
 *
 * const app = await Fastlike.load(new URL("./app.wasm", import.meta.url), {
 *   ...await readManifest(new URL("./fastly.toml", import.meta.url)),
 * });
 * Deno.serve(app.handler);
 * ```
 *
 * @module
 */
export { readLocalServer, readManifest, type ReadOptions } from "./cli/manifest/read.ts";
export type { LogEndpoint, Manifest, ManifestOptions } from "./cli/manifest/mod.ts";
export type { OnStoreFailure, SharedStore } from "./cli/manifest/shared_store.ts";
export { ManifestError } from "./cli/manifest/document.ts";
