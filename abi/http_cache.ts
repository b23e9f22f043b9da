/** `fastly_http_cache`: caching of what backends answer, by the guest's own rules. @module */
import { GuestRequest } from "../handles/message.ts";
import { refuse } from "../service/errors.ts";
import { call, type Namespace, namespace } from "./_define.ts";
import { ref } from "./_in.ts";
import * as out from "./_out.ts";

export const httpCache: Namespace = namespace("fastly_http_cache", {
  /** Unsupported makes every SDK send its requests without this API. */
  is_request_cacheable: call(
    [ref(GuestRequest)],
    out.bool,
    () => refuse("unsupported", "Cannot cache: the host has no HTTP cache yet"),
  ),
});
