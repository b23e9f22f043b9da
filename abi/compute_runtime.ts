/** `fastly_compute_runtime`: resources that the guest has used, and products of its service. @module */
import type { Sandbox } from "../handles/sandbox.ts";
import type { Products } from "../service/options.ts";
import { call, type Hostcall, type Namespace, namespace } from "./_define.ts";
import * as out from "./_out.ts";

const MEBIBYTE = 1 << 20;

function product(name: keyof Products): Hostcall {
  return call([], out.bool, ({ service: { options } }) => options.products?.[name] ?? false);
}

export const computeRuntime: Namespace = namespace("fastly_compute_runtime", {
  /** Processor time of the guest in milliseconds, without waits. */
  get_vcpu_ms: call([], out.u64, ({ execution: { activeMs } }) => BigInt(Math.floor(activeMs))),
  get_heap_mib: call([], out.u32, ({ memory }) => Math.ceil(memory.size / MEBIBYTE)),
  has_domain_inspector: product("domainInspector"),
  has_image_optimizer: call(
    [],
    out.bool,
    ({ service: { options } }) =>
      options.products?.imageOptimizer ?? options.imageOptimizer !== undefined,
  ),
  has_origin_inspector: product("originInspector"),

  // These four are only in the ABI of the Go host. No SDK calls them.
  get_hostname: call([], out.text, (sandbox) => variables(sandbox).FASTLY_HOSTNAME),
  get_sandbox_id: call([], out.text, ({ id }) => id),
  get_service_version: call(
    [],
    out.text,
    (sandbox) => variables(sandbox).FASTLY_SERVICE_VERSION,
  ),
  get_trace_id: call([], out.text, (sandbox) => variables(sandbox).FASTLY_TRACE_ID),
});

function variables({ service, id }: Sandbox) {
  return service.environment.variables(id);
}
