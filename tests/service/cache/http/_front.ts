/**
 * A cache in front of one origin.
 *
 * @module
 */
import type { BackendResponse } from "../../../../service/backends/transport.ts";
import type { Backend, GuestSend } from "../../../../service/backends/backend.ts";
import { Backends } from "../../../../service/backends/backends.ts";
import { collect, EMPTY, type Eventually } from "../../../../service/http/bytes.ts";
import { Cache } from "../../../../service/cache/cache.ts";
import type { CacheDriver } from "../../../../service/cache/driver.ts";
import { HeaderList } from "../../../../service/http/headers.ts";
import { DEFAULT_LIMITS } from "../../../../service/limits.ts";
import { type CacheOverride, NO_OVERRIDE } from "../../../../service/cache/http/override.ts";
import {
  type PendingAnswer,
  ReadThrough,
  type ReadThroughOptions,
} from "../../../../service/cache/http/read_through.ts";
import { StallClock } from "../../../../service/util/stall_clock.ts";
import type { CacheUse } from "../../../../service/http/request_metrics.ts";
import { assert } from "../../../assert.ts";

export const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";

interface Sent {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly override?: Partial<CacheOverride>;
}

/** Cache on a clock that tests set, in front of one origin whose answers the test resolves. */
export class Front implements Disposable {
  readonly uses: CacheUse[] = [];
  readonly reports: string[] = [];
  /** Requests to the origin, each with a way to answer it. */
  readonly asked: { readonly request: Request; readonly answer: PromiseWithResolvers<Response> }[] =
    [];
  readonly cache: Cache;
  readonly through: ReadThrough;
  readonly #backend: Backend;
  #now = Date.parse(DATE);
  #always: (() => Response) | undefined;

  constructor(
    always?: () => Response,
    max = 1 << 20,
    driver?: CacheDriver,
    makeGuard?: ReadThroughOptions["makeGuard"],
  ) {
    const now = () => this.#now;
    this.#always = always;
    this.cache = new Cache(max, now, driver, {
      report: (message) => void this.reports.push(`error: ${message}`),
    });
    this.through = new ReadThrough({
      cache: this.cache,
      max,
      now,
      stallClock: new StallClock(),
      ...makeGuard && { makeGuard },
      report: (level, message) => void this.reports.push(`${level}: ${message}`),
    });
    this.#backend = new Backends({}).make("origin", (request) => {
      const answer = Promise.withResolvers<Response>();
      this.asked.push({ request, answer });
      if (this.#always) answer.resolve(this.#always());
      return answer.promise;
    });
  }

  /** From now on the origin answers at once, or not any more. */
  set always(always: (() => Response) | undefined) {
    this.#always = always;
  }

  /** The origin has got the requests by then. */
  async reached(): Promise<void> {
    await undefined;
  }

  /** Lets seconds go by. */
  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }

  send(
    { url = "http://a.test/", method = "GET", headers = {}, override = {} }: Sent = {},
  ): PendingAnswer {
    const request: GuestSend = {
      method,
      url,
      headers: new HeaderList(Object.entries(headers).flat()),
      framing: "automatic",
      body: EMPTY,
      limits: DEFAULT_LIMITS,
    };
    return this.through.send({
      key: url,
      request,
      backend: this.#backend,
      override: { ...NO_OVERRIDE, ...override },
      used: (use) => void this.uses.push(use),
    });
  }

  /** Status and content of an answer, once all of it is there. */
  async get(sent?: Sent): Promise<string> {
    return await toldBy(await this.send(sent).response);
  }

  [Symbol.dispose](): void {
    this.through.close();
  }
}

export async function toldBy(response: BackendResponse): Promise<string> {
  return `${response.status} ${new TextDecoder().decode(await collect(response.body))}`;
}

/** Of an answer that has to be there. */
export function now(response: Eventually<BackendResponse>): BackendResponse {
  assert(!(response instanceof Promise), "the answer is there");
  return response;
}

export function counting(headers: Record<string, string> = {}): () => Response {
  let count = 0;
  return () => new Response(`${++count}`, { headers });
}

export function fieldsOf({ headers }: BackendResponse, ...names: string[]): (string | undefined)[] {
  return names.map((name) => headers.get(name));
}

/** A turn of the loop, in which all work that waits for nothing is done. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
