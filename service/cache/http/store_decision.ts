import type { Lifetime } from "../lifetime.ts";
import type { WriteOptions } from "../object.ts";
import type { HeaderList } from "../../http/headers.ts";
import { surrogateKeysIn } from "../surrogate_keys.ts";
import { ANY_REQUEST } from "../vary.ts";
import { encodeHead, PASS_MARK, type StoredHead } from "./head.ts";
import { defaultSurrogateKey, type Target } from "./key.ts";
import type { CacheOverride } from "./override.ts";
import { lifetimeOf, storageAction, varyRuleOf } from "./policy.ts";

/** Object to store for a response. */
interface StoreDecision {
  /** Whether it is only the mark of requests that pass. */
  readonly mark: boolean;
  readonly options: WriteOptions;
}

const NANOSECONDS = 1_000_000_000n;
/**
 * Time for which an object with a validator is kept after its lifetime, in nanoseconds: a day. The value is a choice;
 * fresh objects need not make room for it, since the least recently used objects are removed first.
 */
const REVALIDATABLE = 86_400n * NANOSECONDS;

/**
 * Decides whether a response is stored, and for how long. The override may change its lifetime, as in the SDKs' own
 * caching, but a response that the origin declares private is never stored.
 *
 * @param length Length of the content in bytes, if it is known.
 * @param now Time at which the response arrived, in milliseconds since 1970.
 * @returns Undefined if nothing is stored.
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
 * Adds the time for which a stale object is kept for revalidation (RFC 9111, section 4.3), if it has a validator and can be
 * used at all.
 */
export function keptToRevalidate(lifetime: Lifetime, headers: HeaderList): Lifetime {
  const validates = headers.has("etag") || headers.has("last-modified");
  return validates && isOfUse(lifetime) ? { ...lifetime, revalidatable: REVALIDATABLE } : lifetime;
}

/** Whether an object can ever be used: not if it is too old when it is stored. */
export function isOfUse(
  { initialAge, maxAge, staleWhileRevalidate, staleIfError }: Lifetime,
): boolean {
  return initialAge < maxAge + staleWhileRevalidate || initialAge < maxAge + staleIfError;
}
