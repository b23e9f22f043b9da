import type { Sandbox } from "../handles/sandbox.ts";

/** The guest's environment: what the platform sets, with Viceroy's values, then what the options add. */
export function environmentOf({ service, id }: Sandbox) {
  return {
    FASTLY_CACHE_GENERATION: "0",
    FASTLY_CUSTOMER_ID: "0".repeat(22),
    FASTLY_HOSTNAME: "localhost",
    FASTLY_IS_STAGING: "0",
    FASTLY_POP: "XXX",
    FASTLY_REGION: "Somewhere",
    FASTLY_SERVICE_ID: "0".repeat(22),
    FASTLY_SERVICE_VERSION: "0",
    FASTLY_TRACE_ID: id,
    ...service.options.env,
  };
}
