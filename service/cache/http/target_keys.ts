import { RecencyMap } from "../../util/recency_map.ts";
import { defaultSurrogateKey, requestKey, type Target } from "./key.ts";

/** Maximum number of targets whose keys are kept. */
const MAX_KEPT = 1024;
/** Longest URL whose keys are kept, with the Host field, in characters. */
const MAX_LENGTH = 1024;

/** Keys of one target that were asked for. */
interface Keys {
  /** Key of the object for each owner and backend, of which the latest is kept. */
  request?: {
    readonly owner: string | undefined;
    readonly backend: string | undefined;
    key: string;
  };
  surrogate?: string;
}

/**
 * Keys of requests in the cache, of which those of the targets that were used last are kept. Each has a digest, and in a
 * request whose code has left the processor's caches that takes some microseconds.
 */
export class TargetKeys {
  readonly #kept = new RecencyMap<string, Keys>();

  /** Returns the key of a request; see {@linkcode requestKey}. */
  request(target: Target, owner: string | undefined, backend: string | undefined): string {
    const keys = this.#keysOf(target);
    const known = keys?.request;
    if (known && known.owner === owner && known.backend === backend) return known.key;
    const key = requestKey(target, owner, backend);
    if (keys) keys.request = { owner, backend, key };
    return key;
  }

  /** Returns the surrogate key of all objects of a URL; see {@linkcode defaultSurrogateKey}. */
  surrogate(target: Target): string {
    const keys = this.#keysOf(target);
    if (!keys) return defaultSurrogateKey(target);
    return keys.surrogate ??= defaultSurrogateKey(target);
  }

  /** Returns the kept keys of a target, by all that they depend on; undefined if they are not to be kept. */
  #keysOf({ url, headers }: Target): Keys | undefined {
    const host = headers.get("host");
    const text = host === undefined ? url : `${url}\0${host}`;
    if (text.length > MAX_LENGTH) return undefined;
    const known = this.#kept.use(text);
    if (known) return known;
    if (this.#kept.size >= MAX_KEPT) this.#kept.delete(this.#kept.oldest!);
    const keys: Keys = {};
    this.#kept.set(text, keys);
    return keys;
  }
}
