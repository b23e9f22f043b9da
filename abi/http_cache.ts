/** `fastly_http_cache`: caching of backends' responses, by the rules of the guest. @module */
import { Body } from "../handles/body.ts";
import {
  HttpCacheLookup,
  type HttpLookupKey,
  startLookup,
  startTransaction,
} from "../handles/http_cache.ts";
import { GuestRequest, GuestResponse } from "../handles/message.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { firstReady } from "../handles/waitable.ts";
import type { Eventually } from "../service/http/bytes.ts";
import { surrogateKeysIn } from "../service/cache/surrogate_keys.ts";
import { refuse } from "../service/errors.ts";
import { suggestedKey } from "../service/cache/http/key.ts";
import { isCacheableMethod, showsContent, varyRuleOf } from "../service/cache/http/policy.ts";
import { asksForUpgrade } from "../service/backends/upgrade.ts";
import { numberCalls, stateOf } from "./_cache_found.ts";
import {
  call,
  type Hostcall,
  type Namespace,
  namespace,
  type Output,
  type Values,
  wait,
} from "./_define.ts";
import {
  lookupOptions,
  type Suggestion,
  suggestion,
  type SuggestionRequest,
  wanted,
  writeOptions,
} from "./_http_cache_options.ts";
import { ref, take, u32 } from "./_in.ts";
import * as out from "./_out.ts";

/** Cases of the ABI's `http_storage_action`. */
const ACTIONS = ["insert", "update", "do-not-store", "record-uncacheable"] as const;

const lookup = ref(HttpCacheLookup);

/** Waits for a lookup, and returns a property of its result. */
function settled<T>(
  sandbox: Sandbox,
  lookup: HttpCacheLookup,
  get: (lookup: HttpCacheLookup) => T,
): Eventually<T> {
  const ready = firstReady([lookup], sandbox);
  return ready instanceof Promise ? ready.then(() => get(lookup)) : get(lookup);
}

/** Hostcall that returns a property of a lookup's result. */
function ask<T>(output: Output<T>, get: (lookup: HttpCacheLookup) => NoInfer<T>): Hostcall {
  return wait([lookup], output, (sandbox, lookup) => settled(sandbox, lookup, get));
}

/** Returns the key of a lookup. A backend that does not exist is refused, since it could not answer a miss. */
function lookupKeyOf(
  sandbox: Sandbox,
  request: GuestRequest,
  { key, backend: name }: Values<[typeof lookupOptions]>[0],
): HttpLookupKey {
  if (name === undefined) return { key, source: undefined };
  const backend = sandbox.findBackend(name);
  if (backend) return { key, source: sandbox.cacheNameOf(backend) };
  sandbox.reportMissingBackend(name, request);
  refuse("invalid", `Cannot look up: no backend is named "${name}"`);
}

function suggest(
  { service }: Sandbox,
  lookup: HttpCacheLookup,
  response: GuestResponse,
  wanted: SuggestionRequest,
): Suggestion {
  const { headers } = response;
  const now = service.now();
  const length = headers.get("content-length") ?? "";
  // The SDKs of Rust and Go add these keys again, which does no harm; JavaScript's relies on the suggestion.
  const named = surrogateKeysIn(headers.getAll("surrogate-key").join(" "));
  return {
    wanted,
    options: {
      lifetime: lookup.lifetime(response, now),
      length: /^\d{1,15}$/.test(length) ? Number(length) : undefined,
    },
    varyRule: (varyRuleOf(headers) ?? []).join(" "),
    surrogateKeys: [service.readThrough.keys.surrogate(lookup.request), ...named].join(" "),
  };
}

/** Inputs of the calls that store a response. It is copied and stays open, since JavaScript's SDK uses it afterwards. */
const written = [lookup, ref(GuestResponse), writeOptions] as const;

export const httpCache: Namespace = namespace("fastly_http_cache", {
  is_request_cacheable: call(
    [ref(GuestRequest)],
    out.bool,
    (_, { method, headers, cacheOverride }) =>
      isCacheableMethod(method) && !cacheOverride.pass && !showsContent(headers) &&
      !asksForUpgrade(method, headers),
  ),
  get_suggested_cache_key: call(
    [ref(GuestRequest)],
    out.bytes,
    (_, request) => suggestedKey(request),
  ),

  /** Looks up without request collapsing. */
  lookup: call(
    [ref(GuestRequest), lookupOptions],
    out.put(HttpCacheLookup),
    (sandbox, request, options) =>
      startLookup(sandbox, request, lookupKeyOf(sandbox, request, options)),
  ),
  /** Returns a handle at once. Calls on the handle wait for the result. */
  transaction_lookup: call(
    [ref(GuestRequest), lookupOptions],
    out.put(HttpCacheLookup),
    (sandbox, request, options) =>
      startTransaction(sandbox, request, lookupKeyOf(sandbox, request, options)),
  ),

  /** The content is written through the body. */
  transaction_insert: call(
    written,
    out.put(Body),
    (_, lookup, response, options) => lookup.insert(response, options).body,
  ),
  /** The second handle reads the response while it is written through the body. */
  transaction_insert_and_stream_back: call(
    written,
    out.all({ body: out.put(Body), lookup: out.put(HttpCacheLookup) }),
    (_, lookup, response, options) => {
      const { body, found } = lookup.insert(response, options);
      return { body, lookup: lookup.readBack(found) };
    },
  ),
  /** Replaces the head of the object found; its content stays. */
  transaction_update: call(
    written,
    out.none,
    (_, lookup, response, options) => void lookup.update(response, options),
  ),
  transaction_update_and_return_fresh: call(
    written,
    out.put(HttpCacheLookup),
    (_, lookup, response, options) => lookup.readBack(lookup.update(response, options)),
  ),
  /** Makes such requests pass for the max age (hit-for-pass). Other options than that and the vary rule are ignored. */
  transaction_record_not_cacheable: call(
    [lookup, writeOptions],
    out.none,
    (_, lookup, options) => lookup.pass(options),
  ),
  /** Cancels the obligation, which the next waiting request gets. */
  transaction_abandon: call([lookup], out.none, (_, { openObligation }) => openObligation.cancel()),
  /** Answers this request, and those that wait for it, with the response that is kept for errors. */
  transaction_choose_stale: call([lookup], out.none, (_, lookup) => lookup.chooseStale()),
  /** Ends the wait, or cancels an open obligation. Bodies that were opened stay open. */
  close: call([take(HttpCacheLookup)], out.none, (_, lookup) => lookup.drop()),

  get_suggested_backend_request: ask(
    out.put(GuestRequest),
    (lookup) => lookup.suggestRequest(),
  ),
  /** Returns how to store a response, and a new response handle as it would be stored. */
  prepare_response_for_storage: wait(
    [lookup, ref(GuestResponse)],
    out.all({ action: out.u32, response: out.put(GuestResponse) }),
    (sandbox, lookup, response) =>
      settled(sandbox, lookup, () => {
        const prepared = lookup.prepare(response);
        return { action: ACTIONS.indexOf(prepared.action), response: prepared.response };
      }),
  ),
  get_suggested_cache_options: wait(
    [lookup, ref(GuestResponse), wanted],
    suggestion,
    (sandbox, lookup, response, wanted) =>
      settled(sandbox, lookup, () => suggest(sandbox, lookup, response, wanted)),
  ),
  /** Returns the object found, if any: whole or, for a client, with the conditions and range of its request applied. */
  get_found_response: wait(
    [lookup, u32],
    out.known(out.reply),
    (sandbox, lookup, forClient) =>
      settled(sandbox, lookup, ({ found }) => found && lookup.respond(found, forClient !== 0)),
  ),

  get_state: ask(out.u32, ({ result }) => stateOf(result)),
  ...numberCalls(
    lookup,
    (lookup, sandbox) => settled(sandbox, lookup, ({ foundObject }) => foundObject),
  ),
  get_stale_if_error_ns: ask(
    out.u64,
    ({ foundObject }) => foundObject.object.options.lifetime.staleIfError,
  ),
  get_sensitive_data: ask(out.bool, ({ foundObject }) => foundObject.object.options.sensitive),
  get_surrogate_keys: ask(
    out.byteString,
    ({ foundObject }) => [...foundObject.object.options.surrogateKeys].join(" "),
  ),
  get_vary_rule: ask(
    out.byteString,
    ({ foundObject: { object: { options } } }) => options.varyText ?? options.varyRule.join(" "),
  ),
});
