/** `fastly_acl`: access control lists. @module */
import { Body } from "../handles/body.ts";
import { Acl } from "../service/stores/acl.ts";
import { refuse } from "../service/errors.ts";
import { call, type Namespace, namespace, wait } from "./_define.ts";
import { ip, ref, text } from "./_in.ts";
import * as out from "./_out.ts";

const encoder = new TextEncoder();

/** The ABI's `acl_error`. */
const aclError = { ok: 1, absent: 2 } as const;

export const acl: Namespace = namespace("fastly_acl", {
  open: call(
    [text],
    out.put(Acl),
    (sandbox, name) => {
      const acl = sandbox.service.acls.get(name);
      if (acl) return acl;
      sandbox.reportMissing("ACL", name);
      refuse("absent", `Cannot open ACL "${name}": there is none`);
    },
  ),
  /** Returns a body with the entry as JSON. If no entry matches, the call succeeds with an error code. */
  lookup: wait([ref(Acl), ip], out.reporting(out.put(Body), aclError), (_, acl, octets) => {
    const entry = acl.lookup(octets) ?? refuse("absent", "Cannot find the address");
    return Body.of(encoder.encode(JSON.stringify(entry)));
  }),
});
