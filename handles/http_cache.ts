import { EMPTY } from "../service/http/bytes.ts";
import { Cache } from "../service/cache/cache.ts";
import type { Lifetime } from "../service/cache/lifetime.ts";
import type { FoundObject, WriteOptions } from "../service/cache/object.ts";
import {
  type Inserted,
  type LookupResult,
  type Obligation,
  obligationApart,
  PendingLookup,
  usable,
} from "../service/cache/lookup_result.ts";
import { refuse } from "../service/errors.ts";
import { HeaderList } from "../service/http/headers.ts";
import {
  backendFields,
  CONDITIONS,
  validates,
  viewFor,
} from "../service/cache/http/conditional.ts";
import {
  decodeHead,
  encodeHead,
  isPassMark,
  PASS_MARK,
  refreshed,
  type StoredHead,
} from "../service/cache/http/head.ts";
import { isOfUse, keptToRevalidate } from "../service/cache/http/store_decision.ts";
import { chosenKey } from "../service/cache/http/key.ts";
import { lifetimeOf, type StorageAction, storageAction } from "../service/cache/http/policy.ts";
import type { BodySink } from "../service/http/pipe.ts";
import type { Service } from "../service/service.ts";
import type { CacheUse } from "../service/http/request_metrics.ts";
import { Body } from "./body.ts";
import { GuestRequest, GuestResponse } from "./message.ts";
import type { Reply } from "./pending_request.ts";
import type { Sandbox } from "./sandbox.ts";
import { replyOf } from "./send.ts";
import { Waitable } from "./waitable.ts";

/** Key of a lookup: the guest's own, or the suggested one with the backend. */
export interface HttpLookupKey {
  /** Key that the guest has chosen, which is the same for all backends. */
  readonly key: Uint8Array | undefined;
  /** Name of the backend in cache keys. */
  readonly source: string | undefined;
}

/** Options with which a response is stored. The metadata is its head. */
export type HttpWriteOptions = Omit<WriteOptions, "userMetadata">;

const NOT_AT_ALL: Lifetime = {
  initialAge: 0n,
  maxAge: 0n,
  staleWhileRevalidate: 0n,
  staleIfError: 0n,
};

/** Looks up the response to a request, without request collapsing. */
export function startLookup(
  sandbox: Sandbox,
  request: GuestRequest,
  lookup: HttpLookupKey,
): HttpCacheLookup {
  const { service } = sandbox;
  const pending = cacheOf(service).lookup(keyFor(service, request, lookup), request.headers);
  return new HttpCacheLookup(sandbox, request, pending, "miss");
}

/**
 * Looks up the response to a request, with request collapsing: on a miss one request gets the obligation to insert a
 * response, and the others wait for it. If the cache holds a hit-for-pass mark, each request gets an obligation of its own.
 */
export function startTransaction(
  sandbox: Sandbox,
  request: GuestRequest,
  lookup: HttpLookupKey,
): HttpCacheLookup {
  const key = keyFor(sandbox.service, request, lookup);
  const cache = cacheOf(sandbox.service);
  const headers = request.headers.copy();
  const pending = cache.transaction(key, headers, sandbox);
  const apart = () => obligationApart((options, own = headers) => cache.insert(key, own, options));
  return new HttpCacheLookup(sandbox, request, pending, "pass", apart);
}

function keyFor(
  { readThrough: { keys } }: Service,
  request: GuestRequest,
  { key, source }: HttpLookupKey,
): string {
  const { onBehalfOf } = request;
  return key ? chosenKey(key, onBehalfOf) : keys.request(request, onBehalfOf, source);
}

/**
 * Returns the service's cache. If the cache is off, each lookup gets an empty cache of its own, and the program runs as
 * usual.
 */
function cacheOf(service: Service): Cache {
  return service.options.cache === false ? ownCache(service) : service.cache;
}

function ownCache({ limits, now }: Service): Cache {
  return new Cache(limits.cache_bytes, now);
}

/** Lookup of a request in the HTTP cache, which may still wait for another request's response. */
export class HttpCacheLookup extends Waitable {
  /** Copy of the request at the time of the lookup. */
  readonly request: GuestRequest;
  readonly #sandbox: Sandbox;
  readonly #pending: PendingLookup;
  readonly #waited: boolean;
  /** Use of the cache to record if the lookup brings neither an object nor an obligation. */
  readonly #otherwise: CacheUse;
  readonly #apart: (() => Obligation) | undefined;
  readonly #uses: CacheUse[];
  #use: number | undefined;
  #result: LookupResult | undefined;
  #suggested: GuestRequest | undefined;
  /** Whether a hit-for-pass mark was found. */
  #passes = false;
  /** Whether a 304 of the backend has validated the stored response. */
  #renews = false;

  /** @param apart Makes the obligation of a request that passes; by default there is none. */
  constructor(
    sandbox: Sandbox,
    request: GuestRequest,
    pending: PendingLookup,
    otherwise: CacheUse,
    apart?: () => Obligation,
  ) {
    super();
    this.request = copyOf(request);
    this.#sandbox = sandbox;
    this.#pending = pending;
    this.#waited = !pending.ready;
    this.#otherwise = otherwise;
    this.#apart = apart;
    this.#uses = sandbox.requests.current.exchange.metrics.cache;
  }

  override get ready(): boolean {
    return this.#result !== undefined || this.#pending.ready;
  }

  override whenReady(): Promise<void> {
    return this.#pending.whenReady();
  }

  override isHeldBy(run: object): boolean {
    return this.#pending.isHeldBy(run);
  }

  /** Ends the wait, or cancels an open obligation. */
  override drop(): void {
    if (!this.#result) this.#pending.cancel();
    else if (this.#result.obligation?.open) this.#result.obligation.cancel();
  }

  /**
   * Object that can be used. A response that is kept for errors (`stale-if-error`) can be used only if no obligation to
   * get a better one is open. Refused before the lookup is ready.
   */
  get found(): FoundObject | undefined {
    return usable(this.result);
  }

  /** Object as in {@linkcode HttpCacheLookup.found}; refused as absent if there is none. */
  get foundObject(): FoundObject {
    return this.found ?? refuse("absent", "Cannot find a response in the cache");
  }

  /** Object found, usable or kept for errors, and obligation. Refused before the lookup is ready. */
  get result(): LookupResult {
    return this.#result ??= this.#settle(this.#pending.take());
  }

  #settle(result: LookupResult): LookupResult {
    const { found, obligation } = result;
    this.#passes = found !== undefined && isPassMark(found.object.options.userMetadata);
    if (this.#passes) {
      this.#note("pass");
      return { found: undefined, obligation: this.#apart?.() };
    }
    this.#note(useOf(found, obligation, this.#waited) ?? this.#otherwise);
    return result;
  }

  #note(use: CacheUse): void {
    if (this.#use === undefined) this.#use = this.#uses.push(use) - 1;
    else this.#uses[this.#use] = use;
  }

  /** Obligation that is still open; refused as a bad handle if there is none. */
  get openObligation(): Obligation {
    const { obligation } = this.result;
    return obligation?.open
      ? obligation
      : refuse("bad-handle", "Cannot write to the cache: there is no obligation to");
  }

  /** Head of a stored response that can be validated. */
  get #stored(): StoredHead | undefined {
    const { found, obligation } = this.result;
    return found && obligation?.open ? decodeHead(found.object.options.userMetadata) : undefined;
  }

  /**
   * Returns the request to send to the backend: one for the whole object, with conditions that validate a stored one. A
   * request that passes is not changed, since its response is most likely for its own client.
   */
  suggestRequest(): GuestRequest {
    const request = this.#suggested = copyOf(this.request);
    if (this.result && this.#passes) return request;
    if (request.method === "HEAD") request.method = "GET";
    request.headers = backendFields(request.headers, this.#stored);
    return request;
  }

  /** Decides how to store a backend's response, and returns its head as it would be stored. */
  prepare(response: GuestResponse): { action: StorageAction; response: GuestResponse } {
    const stored = this.#stored;
    const prepared = Object.assign(new GuestResponse(), response);
    prepared.headers = response.headers.copy();
    const { conditions } = response;
    // The response to a request with content may depend on the content.
    if (conditions?.content) return { action: "do-not-store", response: prepared };
    if (this.#passes && isPartial(this.request)) {
      const action = storageAction(this.request.headers, response);
      return { action: action === "insert" ? "do-not-store" : action, response: prepared };
    }
    if (
      response.status !== 304 || !stored || !validates(stored, response.headers, conditions?.tags)
    ) {
      return { action: storageAction(this.request.headers, response), response: prepared };
    }
    this.#renews = true;
    Object.assign(prepared, refreshed(stored, response.headers));
    // With it SDKs would not store the response, and answer with the content of the 304, which has none.
    prepared.headers.delete("set-cookie");
    return { action: "update", response: prepared };
  }

  /** Returns the lifetime of a prepared response. */
  lifetime(response: GuestResponse, now: number): Lifetime {
    const action = storageAction(this.request.headers, response);
    // A 304 may make a stored response private: it is for that client then, and no other request finds it.
    return this.#renews && action !== "insert" ? NOT_AT_ALL : lifetimeOf(response, action, now);
  }

  /** Stores a response in place of the present one. Its content is written through the body. */
  insert(response: GuestResponse, options: HttpWriteOptions): { body: Body; found: FoundObject } {
    const own = response.conditions?.content || (this.#passes && isPartial(this.request));
    const inserted = this.#insert(kept(response, options), own ?? false);
    const body = Body.intoCache(inserted.content, this.#sandbox, writerOf(inserted));
    return { body, found: inserted.found };
  }

  /** @param own Whether the response is only for its own request, and not for others to find. */
  #insert(options: WriteOptions, own: boolean): Inserted {
    const { openObligation } = this;
    // A GET must not find the empty content of a HEAD, and a response without lifetime needs no room in the cache.
    const kept = !own && this.#suggested?.method !== "HEAD" && isOfUse(options.lifetime);
    if (kept) return openObligation.insert(options);
    openObligation.cancel();
    return ownCache(this.#sandbox.service).insert("", this.request.headers, options);
  }

  /** Replaces the head and the lifetime of the object found; its content stays. */
  update(response: GuestResponse, options: HttpWriteOptions): FoundObject {
    const { openObligation, result } = this;
    if (!result.found) refuse("bad-handle", "Cannot update a response: none was found");
    const updated = openObligation.update(kept(response, options));
    updated.object.content.dropBroken();
    return updated;
  }

  /** Stores a hit-for-pass mark: until it expires such requests are all sent, and none waits for another. */
  pass({ lifetime: { maxAge }, varyRule }: HttpWriteOptions): void {
    const { content } = this.openObligation.insert({
      lifetime: { initialAge: 0n, maxAge, staleWhileRevalidate: 0n, staleIfError: 0n },
      varyRule,
      surrogateKeys: new Set(),
      userMetadata: PASS_MARK,
      sensitive: false,
      length: 0,
    });
    content.finish();
  }

  /** Answers this request, and those that wait for it, with the response that is kept for errors. */
  chooseStale(): void {
    const { openObligation, result } = this;
    if (!result.found || result.found.phase === "revalidatable") {
      refuse("bad-handle", "Cannot choose a stale response: none is kept for errors");
    }
    openObligation.useStale();
    this.#note("stale");
  }

  /** Makes a lookup whose result is an object that the guest has just written. */
  readBack(found: FoundObject): HttpCacheLookup {
    const pending = new PendingLookup({ found, obligation: undefined });
    const lookup = new HttpCacheLookup(this.#sandbox, this.request, pending, this.#otherwise);
    lookup.#result = pending.take();
    return lookup;
  }

  /**
   * Returns a found object as a response.
   *
   * @param forClient Whether conditions and range of the request are applied, so that the response may be a 304 or 206.
   */
  respond({ object }: FoundObject, forClient: boolean): Reply {
    const head = decodeHead(object.options.userMetadata);
    const { method, headers, gunzip } = this.request;
    // A response that is decoded has another length than the one in the cache.
    const length = gunzip && head.headers.has("content-encoding")
      ? undefined
      : object.content.length;
    const view = forClient
      ? viewFor(method, headers, head, length)
      : viewFor("GET", new HeaderList(), head, length);
    view.headers.set("age", String(object.age / 1_000_000_000n));
    const body = view.empty
      ? EMPTY
      : object.content.read(view.range?.from, view.range && view.range.to + 1);
    return replyOf({ ...view, body, peer: undefined }, gunzip && !view.empty);
  }
}

/** Returns the options to store a response with, its head included. */
function kept(response: GuestResponse, options: HttpWriteOptions): WriteOptions {
  const lifetime = keptToRevalidate(options.lifetime, response.headers);
  return { ...options, lifetime, userMetadata: encodeHead(response) };
}

/** Tells whether the response to a request may not be the whole object. */
function isPartial({ method, headers }: GuestRequest): boolean {
  return method === "HEAD" || CONDITIONS.some((name) => headers.has(name));
}

/** Returns a sink for the content of an object. If the content is cut, the object is removed from the cache. */
function writerOf({ content }: Inserted): BodySink {
  return {
    get full() {
      return content.full;
    },
    get room() {
      return content.room;
    },
    drained: () => content.drained(),
    write(chunk) {
      const taken = content.write(chunk);
      content.dropBroken();
      return taken;
    },
    finish() {
      const stored = content.finish();
      content.dropBroken();
      return stored;
    },
    abort(error) {
      content.abort(error);
      content.dropBroken();
    },
  };
}

/** Returns the use of the cache by a lookup; undefined if it has neither an object nor an obligation. */
function useOf(
  found: FoundObject | undefined,
  obligation: Obligation | undefined,
  waited: boolean,
): CacheUse | undefined {
  if (found?.phase === "fresh") return waited ? "collapsed" : "hit";
  if (usable({ found, obligation })) return "stale";
  return obligation && "miss";
}

function copyOf(request: GuestRequest): GuestRequest {
  const copy = new GuestRequest();
  copy.method = request.method;
  copy.url = request.url;
  copy.version = request.version;
  copy.headers = request.headers.copy();
  copy.framing = request.framing;
  copy.gunzip = request.gunzip;
  copy.cacheOverride = request.cacheOverride;
  copy.onBehalfOf = request.onBehalfOf;
  return copy;
}
