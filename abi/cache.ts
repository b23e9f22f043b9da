/** `fastly_cache`: the core cache, with keys that guests choose. @module */
import { Body } from "../handles/body.ts";
import { CacheBusy, CacheHandle, CacheLookup, CacheReplace } from "../handles/cache.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { firstReady } from "../handles/waitable.ts";
import type { LookupResult } from "../service/cache/lookup_result.ts";
import { foundCalls } from "./_cache_found.ts";
import {
  cacheKey,
  headersOf,
  insertOptions,
  keyFor,
  lookupOptions,
  replaceOptions,
  transactionOptions,
} from "./_cache_options.ts";
import { call, type Namespace, namespace, type Values, wait } from "./_define.ts";
import { ref, take } from "./_in.ts";
import * as out from "./_out.ts";

type Key = Values<[typeof cacheKey, typeof lookupOptions]>;

function begin(sandbox: Sandbox, ...[key, { request, insistsOnRange }]: Key): CacheBusy {
  const { cache } = sandbox.service;
  const pending = cache.transaction(keyFor(request, key), headersOf(request), sandbox);
  return new CacheBusy(pending, insistsOnRange);
}

/**
 * Waits for the result of a lookup. The pending lookup is in the handle table meanwhile, so that it is dropped, and the
 * next waiting request goes on, if the guest ends. A wait that only the guest itself could end is refused, and dropped.
 *
 * @returns Handle of the object that `make` makes of the result.
 */
function settle(
  sandbox: Sandbox,
  busy: CacheBusy,
  make: (result: LookupResult, insistsOnRange: boolean) => CacheHandle,
): number | Promise<number> {
  const { handles } = sandbox;
  const hand = () => handles.insert(make(busy.take(), busy.insistsOnRange));
  if (busy.ready) return hand();
  const handle = handles.insert(busy);
  const leave = () => handles.take(CacheBusy, handle);
  const giveUp = (error: unknown) => {
    leave().drop();
    throw error;
  };
  try {
    const ready = firstReady([busy], sandbox) as Promise<number>;
    return ready.then(() => {
      leave();
      return hand();
    }, giveUp);
  } catch (error) {
    return giveUp(error);
  }
}

const asLookup = (result: LookupResult, insistsOnRange: boolean) =>
  new CacheLookup(result, insistsOnRange);

export const cache: Namespace = namespace("fastly_cache", {
  /** Looks up without request collapsing. */
  lookup: wait(
    [cacheKey, lookupOptions],
    out.u32,
    (sandbox, key, { request, insistsOnRange }) => {
      const pending = sandbox.service.cache.lookup(keyFor(request, key), headersOf(request));
      return settle(sandbox, new CacheBusy(pending, insistsOnRange), asLookup);
    },
  ),
  /** Stores an object in place of the present one, and of one that another request has the obligation to insert. */
  insert: call(
    [cacheKey, insertOptions],
    out.put(Body),
    (sandbox, key, { request, options }) => {
      const { cache } = sandbox.service;
      const { content } = cache.insert(keyFor(request, key), headersOf(request), options);
      return Body.intoCache(content, sandbox);
    },
  ),

  transaction_lookup: wait(
    [cacheKey, lookupOptions],
    out.u32,
    (sandbox, key, options) => settle(sandbox, begin(sandbox, key, options), asLookup),
  ),
  transaction_lookup_async: call([cacheKey, lookupOptions], out.put(CacheBusy), begin),
  /** The busy handle stays open, to be closed. */
  cache_busy_handle_wait: wait([ref(CacheBusy)], out.u32, (sandbox, busy) => {
    const hand = () => sandbox.handles.insert(asLookup(busy.take(), busy.insistsOnRange));
    const ready = firstReady([busy], sandbox);
    return ready instanceof Promise ? ready.then(hand) : hand();
  }),
  transaction_insert: wait(
    [ref(CacheLookup), transactionOptions],
    out.put(Body),
    (sandbox, { openObligation }, options) =>
      Body.intoCache(openObligation.insert(options).content, sandbox),
  ),
  /** The second handle reads the object while it is written through the body. */
  transaction_insert_and_stream_back: wait(
    [ref(CacheLookup), transactionOptions],
    out.all({ body: out.put(Body), back: out.put(CacheLookup) }),
    (sandbox, { openObligation, insistsOnRange }, options) => {
      const { content, found } = openObligation.insert(options);
      const back = new CacheLookup({ found, obligation: undefined }, insistsOnRange);
      return { body: Body.intoCache(content, sandbox), back };
    },
  ),
  transaction_update: wait(
    [ref(CacheLookup), transactionOptions],
    out.none,
    (_, { openObligation }, options) => void openObligation.update(options),
  ),
  transaction_cancel: wait(
    [ref(CacheLookup)],
    out.none,
    (_, { openObligation }) => openObligation.cancel(),
  ),
  close_busy: call([take(CacheBusy)], out.none, (_, busy) => busy.drop()),
  /** Closes a lookup or a replacement. */
  close: wait([take(CacheHandle)], out.none, (_, handle) => handle.drop()),
  ...foundCalls(CacheLookup, ""),

  replace: wait(
    [cacheKey, replaceOptions],
    out.u32,
    (sandbox, key, { request, strategy = "immediate", insistsOnRange }) => {
      const full = keyFor(request, key);
      const { cache } = sandbox.service;
      const pending = cache.replace(full, headersOf(request), strategy, sandbox);
      const busy = new CacheBusy(pending, insistsOnRange);
      return settle(sandbox, busy, (result) => new CacheReplace(full, result, insistsOnRange));
    },
  ),
  /** Consumes the handle. The request headers are those of the new object, and should be those of the call `replace`. */
  replace_insert: call(
    [take(CacheReplace), insertOptions],
    out.put(Body),
    (sandbox, handle, { request, options }) => {
      const headers = headersOf(request);
      const { obligation, key } = handle;
      const inserted = obligation?.open
        ? obligation.insert(options, headers)
        : sandbox.service.cache.insert(key, headers, options);
      return Body.intoCache(inserted.content, sandbox);
    },
  ),
  ...foundCalls(CacheReplace, "replace_"),
});
