/** `fastly_secrets`, which no SDK calls and no host supports. @module */
import { refuse } from "../service/errors.ts";
import { call, type Namespace, namespace } from "./_define.ts";
import { text } from "./_in.ts";
import * as out from "./_out.ts";

export const secrets: Namespace = namespace("fastly_secrets", {
  get_secret: call(
    [text],
    out.bytes,
    () => refuse("unsupported", "Cannot get a secret without its store"),
  ),
});
