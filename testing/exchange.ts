import { EMPTY, isWhole, type Payload } from "../service/http/bytes.ts";
import type { ClientFacts, ResponseHead } from "../service/http/exchange.ts";
import type { FactsOverride } from "../service/client/client_facts.ts";
import { HeaderList } from "../service/http/headers.ts";
import type { CacheUse } from "../service/http/request_metrics.ts";
import { WebExchange } from "../service/http/web_exchange.ts";

/** Response of a guest, with facts that a `Response` lacks. */
export interface TestResponse extends Response {
  /** Informational responses (status 103 and others below 200) that the guest has sent ahead. */
  readonly earlyHints: readonly { readonly status: number; readonly headers: Headers }[];
  /** Trailers; resolves when the body has been read to its end. */
  readonly trailers: Promise<Headers>;
  /** Use of the cache by each request to a backend so far, in order. */
  readonly cache: readonly CacheUse[];
}

/** Default TLS facts of a client. */
const TLS = {
  protocol: "TLSv1.3",
  cipher: "AES128-GCM-SHA256",
  ja3: "0".repeat(32),
  ja4: "t13d1516h2_000000000000_000000000000",
};

/** Exchange of a test's request, without a socket. It keeps informational responses and trailers. */
export class TestExchange extends WebExchange {
  override readonly client: ClientFacts;
  /** Facts about the client that the test has set. */
  readonly override: FactsOverride;
  readonly #hints: { readonly status: number; readonly headers: Headers }[] = [];
  readonly #trailers = Promise.withResolvers<Headers>();

  constructor(request: Request, override: FactsOverride) {
    super(request, undefined, request.url.startsWith("https:"));
    this.override = override;
    const { address = "127.0.0.1", port = 0, serverAddress = "127.0.0.1" } = override;
    const url = new URL(request.url);
    const { serverPort = Number(url.port) || (url.protocol === "https:" ? 443 : 80) } = override;
    // On Fastly each https client has these facts, which SDKs rely on.
    const tls = url.protocol === "https:" ? { ...TLS, serverName: url.hostname } : undefined;
    const all = { ...tls, ...override.tls };
    this.client = {
      ...override,
      ...(tls || override.tls) && { tls: all },
      address,
      port,
      serverAddress,
      serverPort,
    };
  }

  override inform({ status, headers }: ResponseHead): void {
    this.#hints.push({ status, headers: toHeaders(headers) });
  }

  override respond(head: ResponseHead, body: Payload): void {
    super.respond(head, this.#watched(body));
  }

  /** Adds informational responses, trailers and the use of the cache to a response. */
  extend(response: Response): TestResponse {
    return Object.assign(response, {
      earlyHints: this.#hints,
      trailers: this.#trailers.promise,
      cache: this.metrics.cache,
    });
  }

  #watched(body: Payload): Payload {
    const done = (trailers?: HeaderList) =>
      this.#trailers.resolve(toHeaders(trailers ?? new HeaderList()));
    if (isWhole(body)) {
      done();
      return body.length ? body : EMPTY;
    }
    return {
      get length() {
        return body.length;
      },
      get trailers() {
        return body.trailers;
      },
      async read() {
        const chunk = await body.read();
        if (!chunk) done(body.trailers);
        return chunk;
      },
      cancel(reason) {
        done();
        body.cancel(reason);
      },
      ...body.isHeldBy && { isHeldBy: (run: object) => body.isHeldBy!(run) },
    };
  }
}

function toHeaders(list: HeaderList): Headers {
  const headers = new Headers();
  for (const [name, value] of list) headers.append(name, value);
  return headers;
}
