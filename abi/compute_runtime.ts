/** `fastly_compute_runtime`: what the guest has used, and what its service may use. @module */
import type { Sandbox } from "../handles/sandbox.ts";
import { refuse } from "../service/errors.ts";
import { call, type Hostcall, type Namespace, namespace } from "./_define.ts";
import * as out from "./_out.ts";

const MEBIBYTE = 1 << 20;

/**
 * Unsupported while there is no HTTP cache: an answer would make SDKs take the way through `fastly_http_cache`, and
 * fail there.
 */
const product: Hostcall = call(
  [],
  out.bool,
  () => refuse("unsupported", "Cannot tell which products are enabled"),
);

export const computeRuntime: Namespace = namespace("fastly_compute_runtime", {
  /** Milliseconds that the guest has run; waiting does not count. */
  get_vcpu_ms: call([], out.u64, ({ activeMs }) => BigInt(Math.floor(activeMs))),
  get_heap_mib: call([], out.u32, ({ memory }) => Math.ceil(memory.size / MEBIBYTE)),
  has_domain_inspector: product,
  has_image_optimizer: product,
  has_origin_inspector: product,

  // The Go host's own, which no SDK calls.
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
