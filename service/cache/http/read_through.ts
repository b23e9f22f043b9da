import type { BackendResponse, RequestInFlight } from "../../backends/transport.ts";
import type { Backend, GuestSend } from "../../backends/backend.ts";
import { type ByteSource, type Eventually, isWhole, type Payload } from "../../http/bytes.ts";
import type { Cache } from "../cache.ts";
import type { CacheContent } from "../content.ts";
import type { FoundObject } from "../object.ts";
import {
  type LookupResult,
  type Obligation,
  type PendingLookup,
  usable,
} from "../lookup_result.ts";
import { SendError } from "../../errors.ts";
import type { LogLevel } from "../../log.ts";
import type { Guard, MakeGuard } from "../../util/guard.ts";
import type { StallClock } from "../../util/stall_clock.ts";
import type { CacheUse } from "../../http/request_metrics.ts";
import { answerWith, uncached } from "./answer.ts";
import { backendFields } from "./conditional.ts";
import { decodeHead, isPassMark, refreshed, type StoredHead } from "./head.ts";
import { storeDecision } from "./store_decision.ts";
import { TargetKeys } from "./target_keys.ts";
import type { CacheOverride } from "./override.ts";

/** Longest timer of the platform, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;
const NANOSECONDS = 1_000_000_000n;
/** Statuses that count as errors for stale-if-error (RFC 5861, section 4). */
const FAILURES: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** GET or HEAD without content that the cache may answer. */
interface CacheableRequest {
  /** Key in the cache, made by `httpKey`. */
  readonly key: string;
  readonly request: GuestSend;
  readonly backend: Backend;
  readonly override: CacheOverride;
  /** Called once with the way in which the request was answered. */
  readonly used: (use: CacheUse) => void;
}

/** Response to a {@linkcode CacheableRequest}. */
export interface PendingAnswer {
  /** The response, or a promise of it, which rejects with a `SendError`. */
  readonly response: Eventually<BackendResponse>;
  /** Lookup that the response waits for without a time limit, if there is one. */
  readonly pending?: PendingLookup | undefined;
  /** Cancels the request: its response is not wanted any more. */
  cancel(): void;
}

/** Cache of a {@linkcode ReadThrough}, and parts of the service around it. */
export interface ReadThroughOptions {
  readonly cache: Cache;
  /** Maximum size of an object, in bytes. */
  readonly max: number;
  /** Returns the time in milliseconds since 1970. */
  readonly now: () => number;
  readonly stallClock: StallClock;
  readonly report: (level: LogLevel, message: string) => void;
  /** Makes a timeout for each fetch whose backend sends nothing more; by default there is none. */
  readonly makeGuard?: MakeGuard;
}

/**
 * Answers requests to backends from the cache, and fills it. The first request for a missing object fetches it, and others
 * read it while it arrives. A fetch belongs to the cache: a request that is cancelled does not end it for the others.
 */
export class ReadThrough {
  /** Keys of requests in the cache. */
  readonly keys: TargetKeys = new TargetKeys();
  readonly #options: ReadThroughOptions;
  /** Functions that end the running fetches. */
  readonly #fetches = new Set<() => void>();
  readonly #heads = new WeakMap<Uint8Array, StoredHead>();
  #closed = false;

  constructor(options: ReadThroughOptions) {
    this.#options = options;
  }

  /** Answers a request from the cache, at once if the object is there, or from its backend. */
  send(cacheable: CacheableRequest): PendingAnswer {
    const { key, request } = cacheable;
    const pending = this.#options.cache.transaction(key, request.headers);
    return pending.ready
      ? this.#answer(cacheable, pending.take(), false)
      : this.#wait(cacheable, pending);
  }

  /** Ends all fetches. */
  close(): void {
    this.#closed = true;
    for (const stop of this.#fetches) stop();
  }

  #wait(cacheable: CacheableRequest, pending: PendingLookup): PendingAnswer {
    let answer: PendingAnswer | undefined;
    const response = this.#settled(cacheable, pending).then(() => {
      answer = this.#answer(cacheable, pending.take(), true);
      return answer.response;
    });
    return {
      response,
      pending: cacheable.override.lookupTimeout === undefined ? pending : undefined,
      cancel: () => answer ? answer.cancel() : pending.cancel(),
    };
  }

  async #settled({ override }: CacheableRequest, pending: PendingLookup): Promise<void> {
    const { lookupTimeout } = override;
    let late = false;
    const expire = () => {
      late = true;
      pending.cancel();
    };
    const stop = lookupTimeout === undefined
      ? undefined
      : this.#options.stallClock.after(Math.min(lookupTimeout, MAX_TIMER), expire);
    while (!pending.ready) await pending.whenReady();
    stop?.();
    if (!late) return;
    throw new SendError(
      "http_response_timeout",
      `Cannot send: the cache lookup took longer than ${lookupTimeout} ms`,
    );
  }

  #answer(
    cacheable: CacheableRequest,
    { found, obligation }: LookupResult,
    waited: boolean,
  ): PendingAnswer {
    const passes = found && isPassMark(found.object.options.userMetadata);
    const known = passes ? undefined : found;
    const answer = passes ? undefined : usable({ found, obligation });
    if (!answer && obligation) return this.#fetchMissing(cacheable, known, obligation);
    if (!answer) return this.#forward(cacheable, passes ? "pass" : "miss");
    if (obligation) this.#revalidate(cacheable, answer, obligation);
    const use = answer.phase !== "fresh" ? "stale" : waited ? "collapsed" : "hit";
    return { response: this.#serve(cacheable, answer, use), cancel() {} };
  }

  /** Sends the request to its backend unchanged, and stores nothing. */
  #forward({ backend, request, used }: CacheableRequest, use: "pass" | "miss"): PendingAnswer {
    used(use);
    const inFlight = backend.send(request);
    const response = use === "pass"
      ? inFlight.response
      : inFlight.response.then((response) => uncached(request, response));
    return { response, cancel: () => inFlight.cancel() };
  }

  /**
   * Fetches a missing object and answers with it while it arrives; on an error with the stale one, if that is allowed.
   *
   * @param known Stored object to revalidate, if there is one.
   */
  #fetchMissing(
    cacheable: CacheableRequest,
    known: FoundObject | undefined,
    obligation: Obligation,
  ): PendingAnswer {
    const { response, cancel } = this.#fetch(cacheable, known, obligation);
    return {
      response: response.then((response) => {
        if (!response) return this.#serve(cacheable, known!, "stale");
        cacheable.used("miss");
        return response;
      }, (error) => {
        cacheable.used("miss");
        throw error;
      }),
      cancel,
    };
  }

  /** Revalidates a stale object in the background, while requests use it (RFC 5861, section 3). */
  #revalidate(cacheable: CacheableRequest, found: FoundObject, obligation: Obligation): void {
    this.#fetch(cacheable, found, obligation).response.then(
      (response) => response && drop(response.body),
      (error) => {
        if (error instanceof SendError && error.told) return;
        this.#options.report("error", `Cannot renew a cached response: ${error}`);
      },
    );
  }

  /**
   * Fetches an object.
   *
   * @returns The backend's response; undefined if the fetch has failed and the stale object `known` is used.
   */
  #fetch(cacheable: CacheableRequest, known: FoundObject | undefined, obligation: Obligation) {
    const { backend, request } = cacheable;
    const stored = known && this.#headOf(known);
    const headers = backendFields(request.headers, stored);
    let inFlight: RequestInFlight;
    try {
      inFlight = backend.send({ ...request, method: "GET", headers });
    } catch (error) {
      obligation.release();
      throw error;
    }
    return {
      response: this.#receive(cacheable, inFlight, known, obligation),
      cancel: () => {
        if (obligation.open && !obligation.awaited) inFlight.cancel();
      },
    };
  }

  async #receive(
    cacheable: CacheableRequest,
    inFlight: RequestInFlight,
    known: FoundObject | undefined,
    obligation: Obligation,
  ): Promise<BackendResponse | undefined> {
    const stop = () => inFlight.cancel();
    const spare = known?.phase === "revalidatable" ? undefined : known;
    const guard = this.#guard(stop, cacheable);
    this.#fetches.add(stop);
    guard?.begin();
    try {
      const response = await inFlight.response.finally(() => {
        this.#fetches.delete(stop);
        guard?.end();
      });
      if (known && response.status === 304) {
        return this.#update(cacheable, response, known, obligation);
      }
      if (!spare || !FAILURES.has(response.status)) {
        return this.#store(cacheable, response, obligation);
      }
      drop(response.body);
      throw new SendError("http_response_status_invalid", `Its status is ${response.status}`);
    } catch (error) {
      if (obligation.open && spare) obligation.useStale();
      else if (obligation.open) obligation.release();
      if (!spare || !(error instanceof SendError)) throw error;
      if (!this.#closed) this.#reportStale(cacheable, error);
      return undefined;
    }
  }

  #guard(
    stop: (reason: string) => void,
    { backend, request }: CacheableRequest,
  ): Guard | undefined {
    const work = `A fetch of ${request.url} from backend "${backend.name}" into the cache`;
    return this.#options.makeGuard?.(stop, work);
  }

  #reportStale({ backend, request }: CacheableRequest, { message }: SendError): void {
    const resource = `${request.url} of backend "${backend.name}"`;
    this.#options.report("warning", `Using the stale response for ${resource}: ${message}`);
  }

  /** Stores a response, or ends the obligation if it is not stored. */
  #store(
    cacheable: CacheableRequest,
    response: BackendResponse,
    obligation: Obligation,
  ): BackendResponse {
    const { request, override } = cacheable;
    const { length } = response.body;
    const decision = storeDecision(request, response, override, length, this.#options.now());
    if (!decision || decision.mark || (length ?? 0) > this.#options.max) {
      if (decision?.mark) this.#finish(obligation.insert(decision.options).content);
      else obligation.release();
      return uncached(request, response);
    }
    const { content, found } = obligation.insert(decision.options);
    const { body } = response;
    if (isWhole(body)) {
      content.write(body);
      this.#finish(content);
    }
    const answer = answerWith(request, {
      head: this.#headOf(found),
      content,
      length: content.length,
      age: ageOf(found),
      hits: 0,
    });
    // The content gets its reader first: without one, writing an object beyond the cache's limit would end at once.
    if (!isWhole(body)) this.#fill(content, body, cacheable);
    return { ...answer, peer: response.peer };
  }

  /** Updates the stored object after a 304 (RFC 9111, section 4.3.4). */
  #update(
    cacheable: CacheableRequest,
    response: BackendResponse,
    known: FoundObject,
    obligation: Obligation,
  ): BackendResponse {
    drop(response.body);
    const { request, override } = cacheable;
    const { content } = known.object;
    const head = refreshed(this.#headOf(known), response.headers);
    const decision = storeDecision(request, head, override, content.declared, this.#options.now());
    let age = 0;
    if (!decision) obligation.release();
    else if (decision.mark) this.#finish(obligation.insert(decision.options).content);
    else age = ageOf(obligation.update(decision.options));
    content.dropBroken();
    const answer = answerWith(request, { head, content, length: content.length, age, hits: 0 });
    return { ...answer, peer: response.peer };
  }

  /** Ends content, without waiting until its object is stored. */
  #finish(content: CacheContent): void {
    content.finish();
    content.dropBroken();
  }

  /** Writes a response's content while it arrives. An object whose content is cut short is dropped. Never rejects. */
  async #fill(content: CacheContent, body: ByteSource, cacheable: CacheableRequest): Promise<void> {
    let cut: SendError | undefined;
    const stop = (reason = "the service is closing") => {
      cut = new SendError("connection_terminated", `Cannot read on: ${reason}`);
      body.cancel(cut);
    };
    const guard = this.#guard(stop, cacheable);
    this.#fetches.add(stop);
    try {
      for (;;) {
        const read = body.read();
        if (read instanceof Promise) guard?.begin();
        const chunk = read instanceof Promise ? await read : read;
        guard?.end();
        if (cut) throw cut;
        if (!chunk) break;
        const taken = content.write(chunk);
        if (taken) await taken;
        const drained = content.drained();
        if (drained) await drained;
      }
    } catch (error) {
      // The error may be that no reader is left, while the backend is still sending.
      body.cancel(error);
      content.abort(error);
    }
    this.#fetches.delete(stop);
    guard?.end();
    this.#finish(content);
  }

  #serve({ request, used }: CacheableRequest, found: FoundObject, use: CacheUse): BackendResponse {
    used(use);
    const { object, hits } = found;
    const { content } = object;
    const { length } = content;
    const head = this.#headOf(found);
    return answerWith(request, { head, content, length, age: ageOf(found), hits });
  }

  #headOf({ object }: FoundObject): StoredHead {
    const { userMetadata } = object.options;
    const known = this.#heads.get(userMetadata);
    if (known) return known;
    const head = decodeHead(userMetadata);
    this.#heads.set(userMetadata, head);
    return head;
  }
}

function ageOf({ object }: FoundObject): number {
  return Number(object.age / NANOSECONDS);
}

function drop(body: Payload): void {
  if (!isWhole(body)) body.cancel();
}
