/** `fastly_device_detection`: looks up the device of a User-Agent field. @module */
import { call, type Namespace, namespace } from "./_define.ts";
import { text } from "./_in.ts";
import * as out from "./_out.ts";

export const deviceDetection: Namespace = namespace("fastly_device_detection", {
  /** Returns JSON. */
  lookup: call([text], out.known(out.text), ({ service }, userAgent) => {
    const device = service.devices(userAgent);
    return device && JSON.stringify(device);
  }),
});
