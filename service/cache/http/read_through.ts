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
import { answerWith, missed } from "./answer.ts";
import { backendFields } from "./conditional.ts";
import { decodeHead, isPassMark, refreshed, type StoredHead } from "./head.ts";
import { storeDecision } from "./store_decision.ts";
import type { CacheOverride } from "./override.ts";

/** The longest time that a timer of the platform takes, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;
const NANOSECONDS = 1_000_000_000n;
/** Answers that count as failures where an older one may be used instead (RFC 5861 4). */
const FAILURES: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** A GET or HEAD without content that the cache may answer. */
interface CacheableRequest {
  /** What `httpKey` has made. */
  readonly key: string;
  readonly request: GuestSend;
  readonly backend: Backend;
  readonly override: CacheOverride;
  /** Is told once how it was answered. */
  readonly used: (use: CacheUse) => void;
}

/** An answer, here or still to come; it fails with a `SendError`. */
export interface PendingAnswer {
  readonly response: Eventually<BackendResponse>;
  /** The lookup, if the response waits for others without a time limit. */
  readonly pending?: PendingLookup | undefined;
  /** Nobody wants it any more. */
  cancel(): void;
}

/** What a cache serves, and what it has of the service around it. */
export interface ReadThroughOptions {
  readonly cache: Cache;
  /** Bytes that an object may have. */
  readonly most: number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  readonly stallClock: StallClock;
  readonly report: (level: LogLevel, message: string) => void;
  /** Makes a timeout for each fetch whose backend sends nothing more; by default there is none. */
  readonly makeGuard?: MakeGuard;
}

/**
 * Answers requests to backends from the cache, and fills it. Whoever asks first for what is missing has it fetched, and
 * all read along. A fetch is the cache's own: nobody who leaves cuts it off for the others.
 */
export class ReadThrough {
  readonly #options: ReadThroughOptions;
  /** What ends each fetch. */
  readonly #running = new Set<() => void>();
  readonly #heads = new WeakMap<Uint8Array, StoredHead>();
  #closed = false;

  constructor(options: ReadThroughOptions) {
    this.#options = options;
  }

  /** Answers at once what is in the cache. */
  ask(question: CacheableRequest): PendingAnswer {
    const { key, request } = question;
    const pending = this.#options.cache.transaction(key, request.headers);
    return pending.ready
      ? this.#answer(question, pending.take(), false)
      : this.#wait(question, pending);
  }

  /** Ends all fetches. */
  close(): void {
    this.#closed = true;
    for (const stop of this.#running) stop();
  }

  #wait(question: CacheableRequest, pending: PendingLookup): PendingAnswer {
    let asked: PendingAnswer | undefined;
    const response = this.#settled(question, pending).then(() => {
      asked = this.#answer(question, pending.take(), true);
      return asked.response;
    });
    return {
      response,
      pending: question.override.lookupTimeout === undefined ? pending : undefined,
      cancel: () => asked ? asked.cancel() : pending.cancel(),
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
    question: CacheableRequest,
    { found, obligation }: LookupResult,
    waited: boolean,
  ): PendingAnswer {
    const passes = found && isPassMark(found.object.options.userMetadata);
    const answer = passes ? undefined : usable({ found, obligation });
    if (!answer && obligation) return this.#lead(question, passes ? undefined : found, obligation);
    if (!answer) return this.#send(question, passes ? "pass" : "miss");
    if (obligation) this.#renew(question, answer, obligation);
    const use = answer.phase !== "fresh" ? "stale" : waited ? "collapsed" : "hit";
    return { response: this.#serve(question, answer, use), cancel() {} };
  }

  /** Sends the request as it is: of others nothing is to be had. */
  #send({ backend, request, used }: CacheableRequest, use: "pass" | "miss"): PendingAnswer {
    used(use);
    const inFlight = backend.send(request);
    const response = use === "pass"
      ? inFlight.response
      : inFlight.response.then((response) => missed(request, response));
    return { response, cancel: () => inFlight.cancel() };
  }

  /**
   * Has what is missing fetched, and answers with it as it comes; if it does not, with what was kept for that.
   *
   * @param known What is stored, to be revalidated.
   */
  #lead(
    question: CacheableRequest,
    known: FoundObject | undefined,
    obligation: Obligation,
  ): PendingAnswer {
    const { response, cancel } = this.#fetch(question, known, obligation);
    return {
      response: response.then((response) => {
        if (!response) return this.#serve(question, known!, "stale");
        question.used("miss");
        return response;
      }, (error) => {
        question.used("miss");
        throw error;
      }),
      cancel,
    };
  }

  /** Has what is stale fetched while everybody uses it. */
  #renew(question: CacheableRequest, found: FoundObject, obligation: Obligation): void {
    this.#fetch(question, found, obligation).response.then(
      (response) => response && drop(response.body),
      (error) => {
        if (error instanceof SendError && error.told) return;
        this.#options.report("error", `Cannot renew a cached response: ${error}`);
      },
    );
  }

  /** @returns What the backend answers; undefined if that is nothing and `known`, being stale, is to be used. */
  #fetch(question: CacheableRequest, known: FoundObject | undefined, obligation: Obligation) {
    const { backend, request } = question;
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
      response: this.#bring(question, inFlight, known, obligation),
      cancel: () => {
        if (obligation.open && !obligation.awaited) inFlight.cancel();
      },
    };
  }

  async #bring(
    question: CacheableRequest,
    inFlight: RequestInFlight,
    known: FoundObject | undefined,
    obligation: Obligation,
  ): Promise<BackendResponse | undefined> {
    const stop = () => inFlight.cancel();
    const spare = known?.phase === "revalidatable" ? undefined : known;
    const guard = this.#guard(stop, question);
    this.#running.add(stop);
    guard?.begin();
    try {
      const response = await inFlight.response.finally(() => {
        this.#running.delete(stop);
        guard?.end();
      });
      if (known && response.status === 304) {
        return this.#confirm(question, response, known, obligation);
      }
      if (!spare || !FAILURES.has(response.status)) {
        return this.#take(question, response, obligation);
      }
      drop(response.body);
      throw new SendError("http_response_status_invalid", `Its status is ${response.status}`);
    } catch (error) {
      if (obligation.open && spare) obligation.useStale();
      else if (obligation.open) obligation.release();
      if (!spare || !(error instanceof SendError)) throw error;
      if (!this.#closed) this.#reportStale(question, error);
      return undefined;
    }
  }

  #guard(
    stop: (reason: string) => void,
    { backend, request }: CacheableRequest,
  ): Guard | undefined {
    const what = `A fetch of ${request.url} from backend "${backend.name}" into the cache`;
    return this.#options.makeGuard?.(stop, what);
  }

  #reportStale({ backend, request }: CacheableRequest, { message }: SendError): void {
    const what = `${request.url} of backend "${backend.name}"`;
    this.#options.report("warning", `Using the stale response for ${what}: ${message}`);
  }

  /** Puts a response into the cache, or tells that it will not be there. */
  #take(
    question: CacheableRequest,
    response: BackendResponse,
    obligation: Obligation,
  ): BackendResponse {
    const { request, override } = question;
    const { length } = response.body;
    const decision = storeDecision(request, response, override, length, this.#options.now());
    if (!decision || decision.mark || (length ?? 0) > this.#options.most) {
      if (decision?.mark) this.#finish(obligation.insert(decision.options).content);
      else obligation.release();
      return missed(request, response);
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
    // Once there is somebody who reads: what the cache has no room for is not written for anybody else.
    if (!isWhole(body)) this.#fill(content, body, question);
    return { ...answer, peer: response.peer };
  }

  /** The backend says that what is stored is still right. */
  #confirm(
    question: CacheableRequest,
    response: BackendResponse,
    known: FoundObject,
    obligation: Obligation,
  ): BackendResponse {
    drop(response.body);
    const { request, override } = question;
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

  /** Ends content. Nobody waits until its object is stored. */
  #finish(content: CacheContent): void {
    content.finish();
    content.dropBroken();
  }

  /** Writes a response's content as it comes. What breaks off does not stay. Never rejects. */
  async #fill(content: CacheContent, body: ByteSource, question: CacheableRequest): Promise<void> {
    let cut: SendError | undefined;
    const stop = (why = "the service is closing") => {
      cut = new SendError("connection_terminated", `Cannot read on: ${why}`);
      body.cancel(cut);
    };
    const guard = this.#guard(stop, question);
    this.#running.add(stop);
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
      // It may be that nobody reads any more, while the backend has more to say.
      body.cancel(error);
      content.abort(error);
    }
    this.#running.delete(stop);
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
