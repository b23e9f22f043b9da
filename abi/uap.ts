/** `fastly_uap`: parses a User-Agent field (deprecated by Fastly, used by guests of 2020). @module */
import { HostError } from "../service/errors.ts";
import type { UserAgent } from "../service/client/user_agent.ts";
import { call, type Namespace, namespace, type Output } from "./_define.ts";
import { byteString } from "./_in.ts";
import * as out from "./_out.ts";

const PARTS = ["family", "major", "minor", "patch"] as const;

/** Four texts. The size of each that does not fit is written, so that one more call of the guest is enough. */
const parts: Output<UserAgent> = {
  coreTypes: PARTS.flatMap(() => out.text.coreTypes),
  write(sandbox, args, at, agent) {
    let refusal: HostError | undefined;
    for (const part of PARTS) {
      try {
        out.text.write(sandbox, args, at, agent[part]);
      } catch (error) {
        if (!(error instanceof HostError && error.kind === "buffer-too-small")) throw error;
        refusal = error;
      }
      at += out.text.coreTypes.length;
    }
    if (refusal) throw refusal;
  },
};

export const uap: Namespace = namespace("fastly_uap", {
  /** Returns empty texts for unknown parts. */
  parse: call(
    [byteString],
    parts,
    ({ service }, userAgent) => service.parseUserAgent(userAgent),
  ),
});
