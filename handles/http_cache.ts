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
import { httpKey, suggestedKey } from "../service/cache/http/key.ts";
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

/** How a request is looked up. */
export interface HttpLookupKey {
  /** A key of the guest's own, which backends share. */
  readonly key: Uint8Array | undefined;
  /** The backend that would be asked, by the cache's name for it. */
  readonly source: string | undefined;
}

/** What is said of a response that is stored; its head is kept beside. */
export type HttpWriteOptions = Omit<WriteOptions, "userMetadata">;

const NOT_AT_ALL: Lifetime = {
  initialAge: 0n,
  maxAge: 0n,
  staleWhileRevalidate: 0n,
  staleIfError: 0n,
};

/** Looks up the response to such a request; waits for no other lookup. */
export function startLookup(
  sandbox: Sandbox,
  request: GuestRequest,
  lookup: HttpLookupKey,
): HttpCacheLookup {
  const pending = cacheOf(sandbox.service).lookup(keyFor(request, lookup), request.headers);
  return new HttpCacheLookup(sandbox, request, pending, "miss");
}

/**
 * As {@linkcode startLookup}; of those who miss the same one has to ask the backend, and the others wait for what comes. Where
 * requests pass, each has to ask, and none waits.
 */
export function startTransaction(
  sandbox: Sandbox,
  request: GuestRequest,
  lookup: HttpLookupKey,
): HttpCacheLookup {
  const key = keyFor(request, lookup);
  const cache = cacheOf(sandbox.service);
  const headers = request.headers.copy();
  const pending = cache.transaction(key, headers, sandbox);
  const apart = () => obligationApart((options, own = headers) => cache.insert(key, own, options));
  return new HttpCacheLookup(sandbox, request, pending, "pass", apart);
}

function keyFor(request: GuestRequest, { key, source }: HttpLookupKey): string {
  return key
    ? httpKey(key, request.onBehalfOf, undefined)
    : httpKey(suggestedKey(request), request.onBehalfOf, source);
}

/** Without a cache each lookup has one to itself, so that nobody else finds anything: the program goes the same way. */
function cacheOf(service: Service): Cache {
  return service.options.cache === false ? ownCache(service) : service.cache;
}

function ownCache({ limits, now }: Service): Cache {
  return new Cache(limits.cache_bytes, now);
}

/** A request that was looked up, and what has come of it. It may still wait for what somebody else is getting. */
export class HttpCacheLookup extends Waitable {
  /** As it was at the lookup. */
  readonly request: GuestRequest;
  readonly #sandbox: Sandbox;
  readonly #pending: PendingLookup;
  readonly #waited: boolean;
  /** What it is when neither an object nor an obligation comes of it. */
  readonly #otherwise: CacheUse;
  readonly #apart: (() => Obligation) | undefined;
  readonly #uses: CacheUse[];
  #use: number | undefined;
  #result: LookupResult | undefined;
  #suggested: GuestRequest | undefined;
  /** Whether what was found is that such requests pass. */
  #passes = false;
  /** Whether the backend has said that what is stored is still right. */
  #renews = false;

  /** @param apart Makes the obligation of a request that passes; without it there is none. */
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

  /** Waits no more, or gives up what the guest had to do. */
  override drop(): void {
    if (!this.#result) this.#pending.cancel();
    else if (this.#result.obligation?.open) this.#result.obligation.cancel();
  }

  /** What can be used: of what is kept for errors, only once nobody is to get anything better. Refused before it is ready. */
  get found(): FoundObject | undefined {
    return usable(this.result);
  }

  /** As {@linkcode HttpCacheLookup.found}; refused as absent if there is nothing. */
  get foundObject(): FoundObject {
    return this.found ?? refuse("absent", "Cannot find a response in the cache");
  }

  /** What was found, if only for errors, and what there is to do. Refused before it is ready. */
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

  /** The obligation; refused as a bad handle if there is none, or it is over. */
  get openObligation(): Obligation {
    const { obligation } = this.result;
    return obligation?.open
      ? obligation
      : refuse("bad-handle", "Cannot write to the cache: there is no obligation to");
  }

  /** What is stored and may turn out to be still right. */
  get #stored(): StoredHead | undefined {
    const { found, obligation } = this.result;
    return found && obligation?.open ? decodeHead(found.object.options.userMetadata) : undefined;
  }

  /**
   * The request that is to bring the whole object, or the word that the one in the cache is still right. One that passes
   * stays as it is: most likely only its own client gets what it brings.
   */
  suggestRequest(): GuestRequest {
    const request = this.#suggested = copyOf(this.request);
    if (this.result && this.#passes) return request;
    if (request.method === "HEAD") request.method = "GET";
    request.headers = backendFields(request.headers, this.#stored);
    return request;
  }

  /** What should become of a backend's response, and its head as it would be stored. */
  prepare(response: GuestResponse): { action: StorageAction; response: GuestResponse } {
    const stored = this.#stored;
    const prepared = Object.assign(new GuestResponse(), response);
    prepared.headers = response.headers.copy();
    const { conditions } = response;
    // What a request with content brings may answer that content.
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
    // SDKs take it for a word to keep nothing, and answer with the content of the 304: none.
    prepared.headers.delete("set-cookie");
    return { action: "update", response: prepared };
  }

  /** Returns how long a prepared response may be used. */
  lifetime(response: GuestResponse, now: number): Lifetime {
    const action = storageAction(this.request.headers, response);
    // What a 304 makes one client's is that client's answer, and nobody else finds it.
    return this.#renews && action !== "insert" ? NOT_AT_ALL : lifetimeOf(response, action, now);
  }

  /** Stores a response in place of what there is; its content is still to be written. */
  insert(response: GuestResponse, options: HttpWriteOptions): { body: Body; found: FoundObject } {
    const own = response.conditions?.content || (this.#passes && isPartial(this.request));
    const inserted = this.#insert(kept(response, options), own ?? false);
    const body = Body.intoCache(inserted.content, this.#sandbox, writerOf(inserted));
    return { body, found: inserted.found };
  }

  /** @param own Whether the response is for its own request alone. */
  #insert(options: WriteOptions, own: boolean): Inserted {
    const { openObligation } = this;
    // A GET must not find the nothing that a HEAD has brought; and what nobody can find needs no room.
    const kept = !own && this.#suggested?.method !== "HEAD" && isOfUse(options.lifetime);
    if (kept) return openObligation.insert(options);
    openObligation.cancel();
    return ownCache(this.#sandbox.service).insert("", this.request.headers, options);
  }

  /** Gives what was found another head and another lifetime; its content stays. */
  update(response: GuestResponse, options: HttpWriteOptions): FoundObject {
    const { openObligation, result } = this;
    if (!result.found) refuse("bad-handle", "Cannot update a response: none was found");
    const updated = openObligation.update(kept(response, options));
    updated.object.content.dropBroken();
    return updated;
  }

  /** Has such requests pass for a while: each is sent, and none waits for another. */
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

  /** Answers this request, and those that wait for it, with what is kept for errors. */
  chooseStale(): void {
    const { openObligation, result } = this;
    if (!result.found || result.found.phase === "revalidatable") {
      refuse("bad-handle", "Cannot choose a stale response: none is kept for errors");
    }
    openObligation.useStale();
    this.#note("stale");
  }

  /** An object that the guest itself has written, looked up by the same request. */
  readBack(found: FoundObject): HttpCacheLookup {
    const pending = new PendingLookup({ found, obligation: undefined });
    const lookup = new HttpCacheLookup(this.#sandbox, this.request, pending, this.#otherwise);
    lookup.#result = pending.take();
    return lookup;
  }

  /**
   * What was found, as a response.
   *
   * @param forClient Whether it is to be just what the request asks for: a range, or the word that nothing has changed.
   */
  respond(forClient: boolean): Reply {
    const { object } = this.foundObject;
    const head = decodeHead(object.options.userMetadata);
    const { method, headers, gunzip } = this.request;
    // Decoded on the way: the lengths in the cache say nothing of it.
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

/** What is said of a response, with its head. */
function kept(response: GuestResponse, options: HttpWriteOptions): WriteOptions {
  const lifetime = keptToRevalidate(options.lifetime, response.headers);
  return { ...options, lifetime, userMetadata: encodeHead(response) };
}

/** Whether what a request brings may not be the whole object. */
function isPartial({ method, headers }: GuestRequest): boolean {
  return method === "HEAD" || CONDITIONS.some((name) => headers.has(name));
}

/** Where an object's content is written. If not all of it comes, nobody finds the object any more. */
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

/** How a lookup was answered; undefined if it has brought neither. */
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
