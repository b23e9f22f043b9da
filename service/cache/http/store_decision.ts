import type { Lifetime } from "../lifetime.ts";
import type { WriteOptions } from "../object.ts";
import type { HeaderList } from "../../http/headers.ts";
import { surrogateKeysIn } from "../surrogate_keys.ts";
import { ANY_REQUEST } from "../vary.ts";
import { encodeHead, PASS_MARK, type StoredHead } from "./head.ts";
import { defaultSurrogateKey, type Target } from "./key.ts";
import type { CacheOverride } from "./override.ts";
import { lifetimeOf, storageAction, varyRuleOf } from "./policy.ts";

/** What the cache keeps of a response. */
interface StoreDecision {
  /** Whether it is only a mark that such requests pass. */
  readonly mark: boolean;
  readonly options: WriteOptions;
}

const NANOSECONDS = 1_000_000_000n;
/**
 * How long after its lifetime an object with a validator is kept: a day, in nanoseconds. A choice; it costs nothing that
 * a fresh object needs, as the least recently used go first.
 */
const REVALIDATABLE = 86_400n * NANOSECONDS;

/**
 * What is to be kept of a response; undefined if nothing is. The override has its say about how long, as in the SDKs'
 * own caching, but what the origin means for one client only is never kept.
 *
 * @param length Of the content in bytes, if it is known.
 * @param now When it came, in milliseconds since 1970.
 */
export function storeDecision(
  request: Target,
  response: StoredHead,
  override: CacheOverride,
  length: number | undefined,
  now: number,
): StoreDecision | undefined {
  const action = storageAction(request.headers, response);
  if (action === "do-not-store") return undefined;
  const mark = action === "record-uncacheable";
  const usable = overridden(lifetimeOf(response, action, now), override, mark);
  if (!isOfUse(usable)) return undefined;
  const { headers } = response;
  const lifetime = mark ? usable : keptToRevalidate(usable, headers);
  const keys = [override.surrogateKeys ?? "", ...headers.getAll("surrogate-key")].join(" ");
  return {
    mark,
    options: {
      lifetime,
      varyRule: varyRuleOf(headers) ?? ANY_REQUEST,
      surrogateKeys: new Set([defaultSurrogateKey(request), ...surrogateKeysIn(keys)]),
      userMetadata: mark ? PASS_MARK : encodeHead(response),
      sensitive: override.pci,
      length: mark ? 0 : length,
    },
  };
}

function overridden(
  lifetime: Lifetime,
  { ttl, staleWhileRevalidate }: CacheOverride,
  mark: boolean,
): Lifetime {
  return {
    ...lifetime,
    ...ttl !== undefined && { maxAge: BigInt(ttl) * NANOSECONDS + lifetime.initialAge },
    ...!mark && staleWhileRevalidate !== undefined && {
      staleWhileRevalidate: BigInt(staleWhileRevalidate) * NANOSECONDS,
    },
  };
}

/**
 * The lifetime with time in which the object is only kept to be revalidated (RFC 9111 4.3), if it has a validator and
 * can be used at all.
 */
export function keptToRevalidate(lifetime: Lifetime, headers: HeaderList): Lifetime {
  const validates = headers.has("etag") || headers.has("last-modified");
  return validates && isOfUse(lifetime) ? { ...lifetime, revalidatable: REVALIDATABLE } : lifetime;
}

/** Whether an object can be found at all: what is too old from the start cannot. */
export function isOfUse(
  { initialAge, maxAge, staleWhileRevalidate, staleIfError }: Lifetime,
): boolean {
  return initialAge < maxAge + staleWhileRevalidate || initialAge < maxAge + staleIfError;
}
