/** Functions of `cache`, `http-cache` and `purge`. @module */
import { CacheBusy, type CacheHandle, type CacheReplace } from "../../handles/cache.ts";
import type { HttpCacheLookup } from "../../handles/http_cache.ts";
import type { GuestRequest, GuestResponse } from "../../handles/message.ts";
import type { Waitable } from "../../handles/waitable.ts";
import type { ReplaceStrategy } from "../../service/cache/entry.ts";
import { cache } from "../cache.ts";
import { checkKey, type WriteFields, writeOptions } from "../_cache_options.ts";
import { httpCache } from "../http_cache.ts";
import { httpWriteOptions, type Suggestion } from "../_http_cache_options.ts";
import { purge } from "../purge.ts";
import {
  asByteString,
  byteString,
  fromByteString,
  hostcall,
  immediate,
  type Implementation,
  type Implementations,
  invoke,
  suspending,
} from "./define.ts";
import { NamedError } from "./errors.ts";
import { type BackendName, OptionSet, StepPollable, SuggestedWriteOptions } from "./resources.ts";

const { calls } = cache;
const STRATEGIES: readonly ReplaceStrategy[] = ["immediate", "immediate-force-miss", "wait"];

/** Record `lookup-options`. */
type Lookup = [request: GuestRequest | undefined, always: boolean];
/** Record `write-options`. */
type Write = [
  maxAge: bigint,
  request: GuestRequest | undefined,
  varyRule: string | undefined,
  initialAge: bigint | undefined,
  staleWhileRevalidate: bigint | undefined,
  surrogateKeys: string | undefined,
  length: bigint | undefined,
  userMetadata: Uint8Array | undefined,
  edgeMaxAge: bigint | undefined,
  sensitive: boolean,
];

function keyOf(key: Uint8Array): string {
  return byteString(checkKey(key));
}

function lookupOf([request, insistsOnRange]: Lookup) {
  return { request, insistsOnRange };
}

function writeOf(write: Write) {
  const [maxAge, , varyRule, initialAge, staleWhileRevalidate, surrogateKeys, length, metadata] =
    write;
  const [edgeMaxAge, sensitive] = write.slice(8) as [bigint | undefined, boolean];
  const fields = {
    maxAge,
    varyRule,
    initialAge,
    staleWhileRevalidate,
    surrogateKeys: surrogateKeys === undefined ? undefined : asByteString(surrogateKeys),
    length,
    userMetadata: metadata,
    edgeMaxAge,
    sensitive,
  };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return writeOptions(Object.fromEntries(given) as unknown as WriteFields);
}

function lookup(name: string): Implementation {
  const call = calls[name]!;
  return {
    suspends: call.suspends,
    run: (sandbox, key: Uint8Array, options: Lookup) =>
      invoke(call, sandbox, keyOf(key), lookupOf(options)),
  };
}

/** Function of an entry that takes write options. */
function write(name: string): Implementation {
  return suspending((sandbox, entry: object, options: Write) =>
    invoke(calls[name], sandbox, entry, writeOf(options))
  );
}

function range([from, to]: [bigint | undefined, bigint | undefined]) {
  const number = (value: bigint | undefined) => value === undefined ? undefined : Number(value);
  return { from: number(from), to: number(to) };
}

/** Functions about the object of an entry. */
function entryFunctions(resource: string, prefix: string): Implementations {
  const names = ["state", "user-metadata", "length", "max-age-ns", "stale-while-revalidate-ns"];
  const plain = [...names, "age-ns", "hits"].map((name) =>
    [
      `[method]${resource}.get-${name}`,
      hostcall(calls[`${prefix}get_${name.replaceAll("-", "_")}`]),
    ] as const
  );
  return {
    ...Object.fromEntries(plain),
    [`[method]${resource}.get-body`]: suspending(
      async (sandbox, entry: CacheHandle, [from, to]: [bigint?, bigint?]) => {
        if (!entry.found) {
          throw new NamedError("cannot-read", "Cannot open a body: nothing was found");
        }
        const call = calls[`${prefix}get_body`];
        return await invoke<number | Promise<number>>(call, sandbox, entry, range([from, to]));
      },
    ),
    [`[method]${resource}.step`]: immediate(() => undefined),
  };
}

const options = immediate(() => new OptionSet());

export const cacheFunctions: Implementations = {
  "insert": immediate((sandbox, key: Uint8Array, options: Write) =>
    invoke(calls.insert, sandbox, keyOf(key), { request: options[1], options: writeOf(options) })
  ),
  "await-entry": {
    ...suspending(async (sandbox, number: number) => {
      const { handles } = sandbox;
      const busy = handles.get(CacheBusy, number);
      const entry = await invoke<number | Promise<number>>(
        calls.cache_busy_handle_wait,
        sandbox,
        busy,
      );
      if (handles.has(number)) handles.take(CacheBusy, number);
      return entry;
    }),
    byNumber: true,
  },
  "close-pending-entry": hostcall(calls.close_busy),
  "close-entry": hostcall(calls.close),
  "replace-insert": immediate((sandbox, entry: CacheReplace, options: Write) =>
    invoke(calls.replace_insert, sandbox, entry, {
      request: options[1],
      options: writeOf(options),
    })
  ),
  "close-replace-entry": hostcall(calls.close),
  "[static]entry.lookup": lookup("lookup"),
  "[static]entry.transaction-lookup": lookup("transaction_lookup"),
  "[static]entry.transaction-lookup-async": lookup("transaction_lookup_async"),
  "[method]entry.transaction-insert": write("transaction_insert"),
  "[method]entry.transaction-insert-and-stream-back": write("transaction_insert_and_stream_back"),
  "[method]entry.transaction-update": write("transaction_update"),
  "[method]entry.transaction-cancel": hostcall(calls.transaction_cancel),
  ...entryFunctions("entry", ""),
  "[static]replace-entry.replace": suspending((
    sandbox,
    key: Uint8Array,
    [request, strategy, insistsOnRange]: [GuestRequest | undefined, number | undefined, boolean],
  ) =>
    invoke(calls.replace, sandbox, keyOf(key), {
      request,
      strategy: STRATEGIES[strategy ?? 0],
      insistsOnRange,
    })
  ),
  ...entryFunctions("replace-entry", "replace_"),
  "[constructor]extra-lookup-options": options,
  "[constructor]extra-write-options": options,
  "[constructor]extra-replace-options": options,
};

const http = httpCache.calls;

/** Record `lookup-options` of the HTTP cache. */
type HttpLookup = [key: Uint8Array | undefined, backend: BackendName | undefined];
/** Record `write-options` of the HTTP cache. */
type HttpWrite = [
  maxAge: bigint,
  varyRule: string | undefined,
  initialAge: bigint | undefined,
  staleWhileRevalidate: bigint | undefined,
  staleIfError: bigint | undefined,
  surrogateKeys: string | undefined,
  length: bigint | undefined,
  sensitive: boolean,
];

function httpWriteOf(write: HttpWrite) {
  const [maxAge, varyRule, initialAge, staleWhileRevalidate, staleIfError, keys] = write;
  const [length, sensitive] = write.slice(6) as [bigint | undefined, boolean];
  const fields = {
    varyRule,
    initialAge,
    staleWhileRevalidate,
    staleIfError,
    surrogateKeys: keys === undefined ? undefined : asByteString(keys),
    length,
  };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return httpWriteOptions({ maxAge, sensitive, ...Object.fromEntries(given) });
}

/** Function of an entry that takes a response and write options. */
function httpWrite(name: string): Implementation {
  return immediate((sandbox, entry: HttpCacheLookup, response: GuestResponse, options: HttpWrite) =>
    invoke(http[name], sandbox, entry, response, httpWriteOf(options))
  );
}

const ALL_WANTED = { mask: 0xff, varyRule: {}, surrogateKeys: {} };

function ofSuggested(read: (suggested: SuggestedWriteOptions) => unknown): Implementation {
  return immediate((_, suggested: SuggestedWriteOptions) => read(suggested));
}

const SUGGESTED = "[method]suggested-write-options.";

export const httpCacheFunctions: Implementations = {
  "is-request-cacheable": hostcall(http.is_request_cacheable),
  "get-suggested-cache-key": hostcall(http.get_suggested_cache_key),
  "close-entry": hostcall(http.close),
  "[static]entry.transaction-lookup": immediate(
    (sandbox, request: GuestRequest, [key, backend]: HttpLookup) =>
      invoke(http.transaction_lookup, sandbox, request, {
        ...key && { key: checkKey(key) },
        ...backend && { backend: backend.name },
      }),
  ),
  "[method]entry.transaction-insert": httpWrite("transaction_insert"),
  "[method]entry.transaction-insert-and-stream-back": httpWrite(
    "transaction_insert_and_stream_back",
  ),
  "[method]entry.transaction-update": httpWrite("transaction_update"),
  "[method]entry.transaction-update-and-return-fresh": httpWrite(
    "transaction_update_and_return_fresh",
  ),
  "[method]entry.transaction-choose-stale": hostcall(http.transaction_choose_stale),
  "[method]entry.transaction-record-not-cacheable": immediate(
    (sandbox, entry: HttpCacheLookup, options: HttpWrite) =>
      invoke(http.transaction_record_not_cacheable, sandbox, entry, httpWriteOf(options)),
  ),
  "[method]entry.get-suggested-backend-request": hostcall(http.get_suggested_backend_request),
  "[method]entry.get-suggested-write-options": suspending(
    async (sandbox, entry: HttpCacheLookup, response: GuestResponse) => {
      const { options: { lifetime, length }, varyRule, surrogateKeys } = await invoke<
        Promise<Suggestion>
      >(http.get_suggested_cache_options, sandbox, entry, response, ALL_WANTED);
      return new SuggestedWriteOptions(lifetime, varyRule, surrogateKeys, length);
    },
  ),
  "[method]entry.prepare-response-for-storage": hostcall(http.prepare_response_for_storage),
  "[method]entry.get-found-response": hostcall(http.get_found_response),
  "[method]entry.get-state": hostcall(http.get_state),
  "[method]entry.get-length": hostcall(http.get_length),
  "[method]entry.get-max-age-ns": hostcall(http.get_max_age_ns),
  "[method]entry.get-stale-while-revalidate-ns": hostcall(http.get_stale_while_revalidate_ns),
  "[method]entry.get-stale-if-error-ns": hostcall(http.get_stale_if_error_ns),
  "[method]entry.get-age-ns": hostcall(http.get_age_ns),
  "[method]entry.get-hits": hostcall(http.get_hits),
  "[method]entry.get-sensitive-data": hostcall(http.get_sensitive_data),
  "[method]entry.get-surrogate-keys": suspending(async (sandbox, entry: HttpCacheLookup) =>
    fromByteString(await invoke<Promise<string>>(http.get_surrogate_keys, sandbox, entry))
  ),
  "[method]entry.get-vary-rule": suspending(async (sandbox, entry: HttpCacheLookup) =>
    fromByteString(await invoke<Promise<string>>(http.get_vary_rule, sandbox, entry))
  ),
  "[method]entry.transaction-abandon": hostcall(http.transaction_abandon),
  /** Returns a pollable until the lookup has its result. Other functions of the entry wait for that as well. */
  "[method]entry.step": immediate((_, entry: Waitable) =>
    entry.ready ? undefined : new StepPollable(entry)
  ),
  [`${SUGGESTED}get-max-age-ns`]: ofSuggested(({ lifetime }) => lifetime.maxAge),
  [`${SUGGESTED}get-vary-rule`]: ofSuggested(({ varyRule }) => varyRule),
  [`${SUGGESTED}get-initial-age-ns`]: ofSuggested(({ lifetime }) => lifetime.initialAge),
  [`${SUGGESTED}get-stale-while-revalidate-ns`]: ofSuggested(
    ({ lifetime }) => lifetime.staleWhileRevalidate,
  ),
  [`${SUGGESTED}get-stale-if-error-ns`]: ofSuggested(({ lifetime }) => lifetime.staleIfError),
  [`${SUGGESTED}get-surrogate-keys`]: ofSuggested(({ surrogateKeys }) =>
    fromByteString(surrogateKeys)
  ),
  [`${SUGGESTED}get-length`]: ofSuggested(({ length }) => length),
  [`${SUGGESTED}get-sensitive-data`]: ofSuggested(() => false),
};

export const purgeFunctions: Implementations = {
  "purge-surrogate-key": suspending((sandbox, key: string, [soft]: [boolean]) =>
    invoke(purge.calls.purge_surrogate_key, sandbox, key, { soft })
  ),
  "purge-surrogate-key-verbose": suspending(async (sandbox, key: string, [soft]: [boolean]) => {
    let told = "";
    const answer = (text: string) => void (told = text);
    await invoke(purge.calls.purge_surrogate_key, sandbox, key, { soft, answer });
    return told;
  }),
};
