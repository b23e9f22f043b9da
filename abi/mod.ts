/**
 * Registry of all hostcalls, by import module and name.
 *
 * @module
 */
import type { InstanceContext, Sandbox } from "../handles/sandbox.ts";
import { shownName } from "../service/util/shown_name.ts";
import { acl } from "./acl.ts";
import { asyncIo } from "./async_io.ts";
import { backends } from "./backend.ts";
import { cache } from "./cache.ts";
import { computeRuntime } from "./compute_runtime.ts";
import { configStore, dictionary } from "./config_store.ts";
import type { BoundHostcall, Hostcall, Namespace } from "./_define.ts";
import { deviceDetection } from "./device_detection.ts";
import { erl } from "./erl.ts";
import { fastlyAbi } from "./fastly_abi.ts";
import { geo } from "./geo.ts";
import { httpBody } from "./http_body.ts";
import { httpCache } from "./http_cache.ts";
import { httpDownstream } from "./http_downstream.ts";
import { httpReq } from "./http_req.ts";
import { httpResp } from "./http_resp.ts";
import { imageOptimizer } from "./image_optimizer.ts";
import { kvStore } from "./kv_store.ts";
import { legacy } from "./legacy.ts";
import { log } from "./log.ts";
import { objectStore } from "./object_store.ts";
import { parking } from "./_parking.ts";
import { purge } from "./purge.ts";
import { secretStore } from "./secret_store.ts";
import { secrets } from "./secrets.ts";
import { shielding } from "./shielding.ts";
import { traced } from "./_trace.ts";
import { uap } from "./uap.ts";
import { wasi } from "./wasi.ts";

const today: readonly Namespace[] = [
  fastlyAbi,
  httpReq,
  httpDownstream,
  httpResp,
  httpBody,
  asyncIo,
  backends,
  log,
  uap,
  geo,
  dictionary,
  configStore,
  secretStore,
  secrets,
  kvStore,
  objectStore,
  acl,
  erl,
  imageOptimizer,
  deviceDetection,
  shielding,
  computeRuntime,
  cache,
  purge,
  httpCache,
  wasi,
];

/** Namespaces that guests may import from. */
export const namespaces: readonly Namespace[] = [...today, ...legacy(today)];

/** Hostcalls in maps and not in objects, since a guest may import a module named `constructor` or `__proto__`. */
const byModule: ReadonlyMap<string, ReadonlyMap<string, Hostcall>> = new Map(
  namespaces.map(({ name, calls }) => [name, new Map(Object.entries(calls))]),
);

/** Function for a guest's import, bound to the context of an instance. */
interface BoundImport {
  readonly module: string;
  readonly name: string;
  readonly run: BoundHostcall;
  readonly suspends: boolean;
}

/** Function that binds an import of a guest for one instance. */
type Binder = (context: InstanceContext) => BoundImport;

/**
 * Prepares an import of a guest, once for all its instances. An import that this host does not know becomes a function that
 * ends the guest with an error that names it, so that guests of newer SDKs load.
 *
 * @param forms Whether every call is logged, and whether guests are started ahead of requests.
 */
export function binderOf(
  module: string,
  name: string,
  { traces, parks }: { readonly traces: boolean; readonly parks: boolean },
): Binder {
  const hostcall: Hostcall = byModule.get(module)?.get(name) ?? unknownImport(module, name);
  const told = traces ? traced(module, name, hostcall) : hostcall;
  const { suspends, bind } = parks ? parking(module, name, told) : told;
  return (context) => {
    const run = bind(context);
    return { module, name, run: suspends ? resuming(context, run) : run, suspends };
  };
}

/** Wraps a suspending import. Even one that returns at once suspends the guest, for a microtask. */
function resuming(context: InstanceContext, run: BoundHostcall): BoundHostcall {
  return (...args) => context.sandbox.execution.resumeOn(run(...args));
}

export { asksForRequest } from "./_parking.ts";

/** Tells whether this host knows an import. */
export function isKnown({ module, name }: Pick<BoundImport, "module" | "name">): boolean {
  return byModule.get(module)?.has(name) ?? false;
}

/** Tells whether an import accesses the guest's memory; false for one that this host does not know. */
export function needsMemory(module: string, name: string): boolean {
  return byModule.get(module)?.get(name)?.needsMemory ?? false;
}

/** Returns the name of an import for messages. */
export function shownImport({ module, name }: Pick<BoundImport, "module" | "name">): string {
  return `${shownName(module)}.${shownName(name)}`;
}

function unknownImport(module: string, name: string): Hostcall {
  return {
    coreTypes: [],
    suspends: false,
    needsMemory: false,
    run: () => {},
    bind: (context) => () => {
      const sandbox: Sandbox | undefined = context.sandbox; // a start function runs before there is one
      sandbox?.execution.checkStopped();
      const shown = shownImport({ module, name });
      const error = new Error(`Cannot call ${shown}: this host does not know the import`);
      sandbox?.execution.stop(error);
      throw error;
    },
  };
}
