/** `fastly_uap`: the browser behind a User-Agent field (deprecated by Fastly, used by guests of 2020). @module */
import { call, type Namespace, namespace } from "./_define.ts";
import { byteString } from "./_in.ts";
import * as out from "./_out.ts";

export const uap: Namespace = namespace("fastly_uap", {
  /** Parts that are not known are empty. */
  parse: call(
    [byteString],
    out.all({ family: out.text, major: out.text, minor: out.text, patch: out.text }),
    ({ service }, userAgent) => service.parseUserAgent(userAgent),
  ),
});
