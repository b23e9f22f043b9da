import { discard, EMPTY, fromReadable, isWhole, type Payload, toReadable } from "./bytes.ts";
import {
  type ClientFacts,
  type Exchange,
  HttpVersion,
  type RequestHead,
  type ResponseHead,
} from "./exchange.ts";
import { declaredLength } from "./framing.ts";
import { HeaderList } from "./headers.ts";
import { RequestMetrics } from "./request_metrics.ts";

/** Statuses whose `Response` cannot have a body. */
export const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** Part of `Deno.ServeHandlerInfo` that is used: facts of the connection, which a `Request` lacks. */
export interface HandlerInfo {
  /** Address of the client; one without a host name, as of a Unix socket, counts as 127.0.0.1 and port 0. */
  readonly remoteAddr: Deno.Addr;
}

/**
 * Exchange over a web `Request` and `Response`. What these cannot represent is lost: case, order and repeats of fields,
 * informational responses, trailers, and statuses above 599 (which become a 500 that says so).
 */
export class WebExchange implements Exchange {
  readonly head: RequestHead;
  readonly body: Payload;
  readonly client: ClientFacts;
  readonly metrics: RequestMetrics = new RequestMetrics();
  readonly response: Promise<Response>;
  readonly #request: Request;
  readonly #resolve: (response: Response) => void;
  readonly #watchers: (() => void)[] = [];
  #responded = false;
  #complete = false;

  /** @param secure Whether the guest sees `https`. */
  constructor(request: Request, info: HandlerInfo | undefined, secure: boolean) {
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.#request = request;
    this.response = promise;
    this.#resolve = resolve;
    const headers = new HeaderList([...request.headers].flat());
    if (!headers.has("host")) headers.append("host", new URL(request.url).host);
    this.head = {
      method: request.method,
      url: request.url.replace(/^[a-z][a-z0-9+.-]*:/i, secure ? "https:" : "http:").replace(
        /#.*/,
        "",
      ),
      version: HttpVersion.http11,
      headers,
    };
    this.body = request.body ? fromReadable(request.body, declaredLength(headers)) : EMPTY;
    this.client = factsOf(request, info);
  }

  inform(_head: ResponseHead): void {
    // A `Response` cannot represent it.
  }

  respond({ status, headers }: ResponseHead, body: Payload): void {
    this.#resolve(this.#toResponse(status, headers, body));
    this.#responded = true;
  }

  /** Notes that the engine is done with the request, which gets a 500 if it has no response yet. */
  settled(): void {
    if (!this.#responded) {
      this.#resolve(new Response("The host gave no response\n", { status: 500 }));
    }
  }

  onGone(callback: (reason: Error) => void): void {
    if (this.#complete) return;
    const { signal } = this.#request;
    const watcher = () => callback(new Error("The client has left"));
    if (signal.aborted) return watcher();
    signal.addEventListener("abort", watcher, { once: true });
    this.#watchers.push(watcher);
  }

  /** Stops watching the request's signal, which `Deno.serve` also aborts after a response. */
  #completed(): void {
    this.#complete = true;
    for (const watcher of this.#watchers.splice(0)) {
      this.#request.signal.removeEventListener("abort", watcher);
    }
  }

  #toResponse(status: number, list: HeaderList, body: Payload): Response {
    if (status > 599) {
      this.#discard(body);
      return new Response(`Cannot send the status ${status}: a Response carries up to 599\n`, {
        status: 500,
      });
    }
    const headers = new Headers();
    for (const [name, value] of list) {
      if (name.toLowerCase() !== "transfer-encoding") headers.append(name, value);
    }
    if (BODILESS.has(status) || this.#request.method === "HEAD") {
      this.#discard(body);
      return new Response(null, { status, headers });
    }
    if (isWhole(body)) {
      this.#completed();
      return new Response(body as Uint8Array<ArrayBuffer>, { status, headers });
    }
    return new Response(toReadable(body, () => this.#completed()), { status, headers });
  }

  #discard(body: Payload): void {
    this.#completed();
    discard(body);
  }
}

function factsOf(request: Request, info: HandlerInfo | undefined): ClientFacts {
  const remote = info?.remoteAddr;
  const { hostname: address, port } = remote && "hostname" in remote
    ? remote
    : { hostname: "127.0.0.1", port: 0 };
  return {
    address,
    port,
    serverAddress: "127.0.0.1",
    get serverPort() {
      const { port, protocol } = new URL(request.url);
      return Number(port) || (protocol === "https:" ? 443 : 80);
    },
  };
}
