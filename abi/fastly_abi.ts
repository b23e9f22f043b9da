/** `fastly_abi`: checks the version of the ABI that a guest was compiled for. @module */
import { refuse } from "../service/errors.ts";
import { call, type Namespace, namespace } from "./_define.ts";
import { u64 } from "./_in.ts";
import * as out from "./_out.ts";

export const fastlyAbi: Namespace = namespace("fastly_abi", {
  init: call([u64], out.none, (_, version) => {
    if (version !== 1n) refuse("failed", `Cannot serve ABI version ${version}: there is only 1`);
  }),
});
