/** `fastly_purge`: purging cached objects. @module */
import { checkSurrogateKey } from "../service/cache/surrogate_keys.ts";
import { chain } from "../service/util/eventually.ts";
import { type Input, type Namespace, namespace, wait } from "./_define.ts";
import { options, text } from "./_in.ts";
import * as out from "./_out.ts";

/**
 * Function that writes a text to the guest's buffer, of which the pointer, the size and a pointer for the length are
 * read.
 */
const buffer: Input<(value: string) => void> = {
  coreTypes: out.text.coreTypes,
  read(sandbox, args, at) {
    const pointers = args.slice(at, at + out.text.coreTypes.length);
    return (value) => out.text.write(sandbox, pointers, 0, value);
  },
};

const purgeOptions = options({ answer: [1, buffer] }, { soft: 0 });

export const purge: Namespace = namespace("fastly_purge", {
  /**
   * Purges objects. With a buffer the response of Fastly's API is written to it; if it is too small, nothing is purged.
   * Waits for the cache's driver.
   */
  purge_surrogate_key: wait(
    [text, purgeOptions],
    out.none,
    ({ service }, key, { soft, answer }) => {
      checkSurrogateKey(key);
      answer?.(JSON.stringify({ id: service.nextId(), status: "ok" }));
      return chain(service.cache.purge(key, soft), () => {});
    },
  ),
});
