import type { InstanceContext, Sandbox } from "../handles/sandbox.ts";
import { Stop } from "../handles/stop.ts";
import type { BoundHostcall, Hostcall } from "./_define.ts";

/** Calls by which a program asks for its request, as `module.name`. A guest that is started ahead waits in them. */
const ASKING: ReadonlySet<string> = new Set([
  "fastly_http_req.body_downstream_get",
  "env.xqd_req_body_downstream_get",
]);

/** Modules whose calls have nothing to do with a request and no effect that lasts. */
const FREE_MODULES: ReadonlySet<string> = new Set([
  "wasi_snapshot_preview1",
  "fastly",
  "fastly_abi",
  "fastly_compute_runtime",
  "fastly_config_store",
  "fastly_dictionary",
  "fastly_secret_store",
]);

/** Calls of other modules of which that holds. */
const FREE_CALLS: ReadonlySet<string> = new Set([
  "fastly_acl.open",
  "fastly_kv_store.open",
  "fastly_object_store.open",
  "fastly_log.endpoint_get",
  "env.xqd_init",
  "env.xqd_log_endpoint_get",
]);

/** Tells whether a program asks for its request by this import. */
export function asksForRequest(
  { module, name }: { readonly module: string; readonly name: string },
): boolean {
  return ASKING.has(`${module}.${name}`);
}

/**
 * Makes the form of a hostcall for guests that are started ahead of requests. The call that asks for the request waits for
 * it. Before that, a call that is about the request or has effects stops the guest.
 */
export function parking(module: string, name: string, call: Hostcall): Hostcall {
  if (asksForRequest({ module, name })) return waitingForRequest(call);
  if (FREE_MODULES.has(module) || FREE_CALLS.has(`${module}.${name}`)) return call;
  const checked = (bound: BoundHostcall, context: InstanceContext): BoundHostcall => (...args) => {
    const { sandbox } = context;
    if (sandbox.requests.ahead) stopEarly(sandbox, `${module}.${name}`);
    return bound(...args);
  };
  return { ...call, bind: (context) => checked(call.bind(context), context) };
}

function waitingForRequest(call: Hostcall): Hostcall {
  return {
    ...call,
    suspends: true,
    bind(context) {
      const bound = call.bind(context);
      return (...args) => {
        const { requests, execution } = context.sandbox;
        if (!requests.ahead) return bound(...args);
        execution.checkStopped();
        return execution.suspend(requests.first()).then(() => bound(...args));
      };
    },
  };
}

function stopEarly({ execution }: Sandbox, call: string): never {
  const stop = new Stop(`It called ${call} before it asked for its request`);
  execution.stop(stop);
  throw stop;
}
