/** `fastly_geo`: looks up the location of an address. @module */
import { addressOf } from "../service/util/address.ts";
import { call, type Namespace, namespace } from "./_define.ts";
import { ip } from "./_in.ts";
import * as out from "./_out.ts";

export const geo: Namespace = namespace("fastly_geo", {
  /** Returns JSON; empty for an address without a record. */
  lookup: call([ip], out.text, ({ service }, octets) => {
    const record = service.geo(addressOf(octets));
    return record ? JSON.stringify(record) : "";
  }),
});
