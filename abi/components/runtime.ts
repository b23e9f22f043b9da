/** Functions of `compute-runtime` and `async-io`. @module */
import type { Sandbox } from "../../handles/sandbox.ts";
import { asyncIo } from "../async_io.ts";
import { computeRuntime } from "../compute_runtime.ts";
import { type Implementation, type Implementations, invoke, later, now, same } from "./define.ts";
import { ProductsResource, ReadyPollable } from "./resources.ts";

/** Index that the module ABI returns for a timeout. */
const TIMED_OUT = 0xffff_ffff;

type Variable = keyof ReturnType<Sandbox["service"]["environment"]["variables"]>;

function variable(name: Variable): Implementation {
  return now(({ service, id }) => service.environment.variables(id)[name]);
}

function number(name: Variable): Implementation {
  return now(({ service, id }) => {
    const text = service.environment.variables(id)[name];
    return /^\d{1,18}$/.test(text) ? BigInt(text) : 0n;
  });
}

function product(name: string): Implementation {
  return now((sandbox) => invoke(computeRuntime.calls[name], sandbox));
}

export const computeRuntimeFunctions: Implementations = {
  "get-vcpu-ms": same(computeRuntime.calls.get_vcpu_ms),
  "get-heap-mib": same(computeRuntime.calls.get_heap_mib),
  "get-sandbox-id": now(({ id }) => id),
  "get-hostname": variable("FASTLY_HOSTNAME"),
  "get-pop": variable("FASTLY_POP"),
  "get-region": variable("FASTLY_REGION"),
  "get-cache-generation": number("FASTLY_CACHE_GENERATION"),
  "get-customer-id": variable("FASTLY_CUSTOMER_ID"),
  "get-is-staging": now(({ service, id }) =>
    service.environment.variables(id).FASTLY_IS_STAGING === "1"
  ),
  "get-service-id": variable("FASTLY_SERVICE_ID"),
  "get-service-version": number("FASTLY_SERVICE_VERSION"),
  "get-namespace-id": now(() => ""),
  "[static]products.new": now(() => new ProductsResource()),
  "[method]products.has-domain-inspector": product("has_domain_inspector"),
  "[method]products.has-image-optimizer": product("has_image_optimizer"),
  "[method]products.has-origin-inspector": product("has_origin_inspector"),
};

export const asyncIoFunctions: Implementations = {
  "select": {
    ...later((sandbox, handles: number[]) => invoke(asyncIo.calls.select, sandbox, handles, 0)),
    byNumber: true,
  },
  "select-with-timeout": {
    ...later(async (sandbox, handles: number[], timeout: number) => {
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
  "[method]pollable.is-ready": same(asyncIo.calls.is_ready),
  "[static]pollable.new-ready": now(() => new ReadyPollable()),
};
