/** `fastly_log`: named log endpoints. @module */
import { LogEndpoint } from "../handles/log_endpoint.ts";
import { refuse } from "../service/errors.ts";
import { call, type Namespace, namespace } from "./_define.ts";
import { bytes, ref, text } from "./_in.ts";
import * as out from "./_out.ts";

const RESERVED = /^(stdout|stderr|fst_managed_.*)$/is;
/** Longest name of an endpoint, in bytes. Fastly's own limit is not known. */
const MAX_NAME = 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const log: Namespace = namespace("fastly_log", {
  /** Opens an endpoint of any name that is not reserved. */
  endpoint_get: call([text], out.put(LogEndpoint), (_, name) => {
    if (RESERVED.test(name)) {
      refuse("invalid", `Cannot open log endpoint "${name}": it is reserved`);
    }
    const { length } = encoder.encode(name);
    if (length > MAX_NAME) {
      refuse("limit-exceeded", `Cannot open a log endpoint: its name has ${length} bytes`);
    }
    return new LogEndpoint(name);
  }),

  /** Logs one record. The call succeeds even if the record is dropped. */
  write: call([ref(LogEndpoint), bytes], out.u32, (sandbox, { name }, record) => {
    const { service, requests: { current, quota } } = sandbox;
    if (!quota.mayLog(record.length)) return record.length;
    const message = decoder.decode(record).replace(/\n$/, "");
    if (message) service.log({ kind: "endpoint", requestId: current.id, endpoint: name, message });
    return record.length;
  }),
});
