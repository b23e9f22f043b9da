/** Hostcalls about a found object, for every kind of handle that may have one. @module */
import type { CacheHandle } from "../handles/cache.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import type { HandleClass } from "../handles/table.ts";
import type { Eventually } from "../service/http/bytes.ts";
import type { FoundObject } from "../service/cache/object.ts";
import { type LookupResult, usable } from "../service/cache/lookup_result.ts";
import { range } from "./_cache_options.ts";
import { type Hostcall, type Input, wait } from "./_define.ts";
import { ref } from "./_in.ts";
import * as out from "./_out.ts";

/** Bits of the ABI's `cache_lookup_state`. */
const FOUND = 1;
const USABLE = 2;
const STALE = 4;
const MUST_INSERT_OR_UPDATE = 8;
const USABLE_IF_ERROR = 16;

/**
 * Returns the state of a lookup. `FOUND` is set only for an object that can be used, since older SDKs look at no other
 * bit. An object that is kept for errors can be used once no obligation is open.
 */
export function stateOf(result: LookupResult): number {
  const { found, obligation } = result;
  const open = obligation?.open ?? false;
  let state = open ? MUST_INSERT_OR_UPDATE : 0;
  if (!found) return state;
  if (found.phase === "if-error") state |= USABLE_IF_ERROR;
  if (found.phase !== "fresh") state |= STALE;
  return usable(result) ? state | FOUND | USABLE : state;
}

/** Hostcalls that return numbers of a found object. */
export function numberCalls<H>(
  handle: Input<H>,
  known: (handle: H, sandbox: Sandbox) => Eventually<FoundObject>,
): Record<string, Hostcall> {
  const number = (get: (found: FoundObject) => bigint | undefined) =>
    wait([handle], out.known(out.u64), (sandbox, handle) => {
      const found = known(handle, sandbox);
      return found instanceof Promise ? found.then(get) : get(found);
    });
  return {
    /** Absent while the object is written without a length. */
    get_length: number(({ length }) => length === undefined ? undefined : BigInt(length)),
    get_max_age_ns: number(({ object }) => object.options.lifetime.maxAge),
    get_stale_while_revalidate_ns: number(
      ({ object }) => object.options.lifetime.staleWhileRevalidate,
    ),
    get_age_ns: number(({ object }) => object.age),
    get_hits: number(({ hits }) => BigInt(hits)),
  };
}

/**
 * Hostcalls about the object of a cache handle.
 *
 * @param prefix Prefix of the names, before `get_`.
 */
export function foundCalls<H extends CacheHandle>(
  type: HandleClass<H>,
  prefix: string,
): Record<string, Hostcall> {
  const handle = ref(type);
  const calls: Record<string, Hostcall> = {
    get_state: wait([handle], out.u32, (_, handle) => stateOf(handle)),
    get_user_metadata: wait(
      [handle],
      out.bytes,
      (_, { foundObject }) => foundObject.object.options.userMetadata,
    ),
    /** Refused while an earlier body of the handle is open. */
    get_body: wait(
      [handle, range],
      out.u32,
      (sandbox, handle, range) => handle.open(sandbox.handles, range, sandbox),
    ),
    ...numberCalls(handle, ({ foundObject }) => foundObject),
  };
  return Object.fromEntries(
    Object.entries(calls).map(([name, call]) => [`${prefix}${name}`, call]),
  );
}
