/** Functions of `compute-runtime` and `async-io`. @module */
import type { Sandbox } from "../../handles/sandbox.ts";
import { asyncIo } from "../async_io.ts";
import { computeRuntime } from "../compute_runtime.ts";
import {
  hostcall,
  immediate,
  type Implementation,
  type Implementations,
  invoke,
  suspending,
} from "./define.ts";
import { ProductsResource, ReadyPollable } from "./resources.ts";

/** Index that the module ABI returns for a timeout. */
const TIMED_OUT = 0xffff_ffff;

type Variable = keyof ReturnType<Sandbox["service"]["environment"]["variables"]>;

function variable(name: Variable): Implementation {
  return immediate(({ service, id }) => service.environment.variables(id)[name]);
}

function number(name: Variable): Implementation {
  return immediate(({ service, id }) => {
    const text = service.environment.variables(id)[name];
    return /^\d{1,18}$/.test(text) ? BigInt(text) : 0n;
  });
}

function product(name: string): Implementation {
  return immediate((sandbox) => invoke(computeRuntime.calls[name], sandbox));
}

export const computeRuntimeFunctions: Implementations = {
  "get-vcpu-ms": hostcall(computeRuntime.calls.get_vcpu_ms),
  "get-heap-mib": hostcall(computeRuntime.calls.get_heap_mib),
  "get-sandbox-id": immediate(({ id }) => id),
  "get-hostname": variable("FASTLY_HOSTNAME"),
  "get-pop": variable("FASTLY_POP"),
  "get-region": variable("FASTLY_REGION"),
  "get-cache-generation": number("FASTLY_CACHE_GENERATION"),
  "get-customer-id": variable("FASTLY_CUSTOMER_ID"),
  "get-is-staging": immediate(({ service, id }) =>
    service.environment.variables(id).FASTLY_IS_STAGING === "1"
  ),
  "get-service-id": variable("FASTLY_SERVICE_ID"),
  "get-service-version": number("FASTLY_SERVICE_VERSION"),
  "get-namespace-id": immediate(() => ""),
  "[static]products.new": immediate(() => new ProductsResource()),
  "[method]products.has-domain-inspector": product("has_domain_inspector"),
  "[method]products.has-image-optimizer": product("has_image_optimizer"),
  "[method]products.has-origin-inspector": product("has_origin_inspector"),
};

export const asyncIoFunctions: Implementations = {
  "select": {
    ...suspending((sandbox, handles: number[]) =>
      invoke(asyncIo.calls.select, sandbox, handles, 0)
    ),
    byNumber: true,
  },
  "select-with-timeout": {
    ...suspending(async (sandbox, handles: number[], timeout: number) => {
      // A timeout of 0 means none in the module ABI, and no wait here.
      const ms = timeout || Number.MIN_VALUE;
      const index = await invoke<number | Promise<number>>(
        asyncIo.calls.select,
        sandbox,
        handles,
        ms,
      );
      return index === TIMED_OUT ? undefined : index;
    }),
    byNumber: true,
  },
  "[method]pollable.is-ready": hostcall(asyncIo.calls.is_ready),
  "[static]pollable.new-ready": immediate(() => new ReadyPollable()),
};
