/** `fastly_secret_store`. @module */
import { Secret, SecretStore } from "../handles/secret.ts";
import { refuse } from "../service/errors.ts";
import { call, type Namespace, namespace } from "./_define.ts";
import { bytes, ref, text } from "./_in.ts";
import * as out from "./_out.ts";

export const secretStore: Namespace = namespace("fastly_secret_store", {
  open: call([text], out.put(SecretStore), (sandbox, name) => {
    const secrets = sandbox.service.secretStores.get(name);
    if (secrets) return new SecretStore(secrets);
    sandbox.reportMissing("secret store", name);
    refuse("absent", `Cannot open secret store "${name}": there is none`);
  }),
  get: call([ref(SecretStore), text], out.known(out.put(Secret)), (_, { secrets }, name) => {
    const plaintext = secrets.get(name);
    return plaintext && new Secret(plaintext);
  }),
  plaintext: call([ref(Secret)], out.bytes, (_, { plaintext }) => plaintext),
  /** Makes a secret that is in no store, for calls that take one by handle. */
  from_bytes: call([bytes], out.put(Secret), (_, plaintext) => new Secret(plaintext)),
});
