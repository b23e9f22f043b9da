/** `fastly_config_store`, and `fastly_dictionary`, which is its older name. @module */
import { ConfigStore } from "../handles/config_store.ts";
import { refuse } from "../service/errors.ts";
import { call, type Hostcall, type Namespace, namespace } from "./_define.ts";
import { ref, text } from "./_in.ts";
import * as out from "./_out.ts";

const calls: Record<string, Hostcall> = {
  open: call([text], out.put(ConfigStore), (sandbox, name) => {
    const entries = sandbox.service.configStore(name);
    if (entries) return new ConfigStore(entries);
    sandbox.reportMissing("config store", name);
    refuse("bad-handle", `Cannot open config store "${name}": there is none`);
  }),
  get: call(
    [ref(ConfigStore), text],
    out.known(out.text),
    (_, { entries }, key) => entries.get(key),
  ),
};

export const configStore: Namespace = namespace("fastly_config_store", calls);
export const dictionary: Namespace = namespace("fastly_dictionary", calls);
