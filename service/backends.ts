import type {
  BackendDefinition,
  BackendOptions,
  BackendRequest,
  Sending,
  Transport,
} from "./backend.ts";
import { declarableLength, type Payload } from "./bytes.ts";
import { frameRequest, type Framing } from "./framing.ts";
import { handlerTransport } from "./handler_transport.ts";
import type { HeaderList } from "./headers.ts";
import { httpTransport } from "./http_transport.ts";
import { splitUrl } from "./url.ts";

/** What a guest sends: its own head and body, before the backend's say. */
export interface GuestSend {
  readonly method: string;
  readonly url: string;
  readonly headers: HeaderList;
  readonly framing: Framing;
  readonly body: Payload;
}

/** One backend: what the guest may ask about it, and the way to it. */
export class Backend {
  readonly name: string;
  /** Undefined for a handler in JavaScript. */
  readonly options: BackendOptions | undefined;
  readonly #transport: Transport;
  readonly #origin: { readonly scheme: string; readonly authority: string; readonly path: string };

  constructor(name: string, options: BackendOptions | undefined, transport: Transport) {
    this.name = name;
    this.options = options;
    this.#transport = transport;
    const { scheme = "http", authority = name, path } = splitUrl(options?.url ?? `http://${name}`);
    this.#origin = { scheme, authority, path: path.replace(/\/$/, "") };
  }

  get secure(): boolean {
    return this.#origin.scheme === "https";
  }

  /** Without port or brackets. */
  get host(): string {
    return this.#origin.authority.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  }

  get port(): number {
    return Number(/:(\d+)$/.exec(this.#origin.authority)?.[1] ?? (this.secure ? 443 : 80));
  }

  /** Sends with this backend's Host (override, then the guest's field, the guest's URI, its own) and path prefix. */
  send(request: GuestSend): Sending {
    return this.#transport.send(this.#prepare(request));
  }

  #prepare({ method, url, headers, framing, body }: GuestSend): BackendRequest {
    const { authority, path, query } = splitUrl(url);
    const host = this.options?.hostOverride ?? headers.get("host") ?? authority ??
      this.#origin.authority;
    const framed = frameRequest(headers, method, declarableLength(body), framing);
    framed.set("host", host);
    const target = `${this.#origin.path}${path || "/"}${query}`;
    return {
      method,
      url: `${this.#origin.scheme}://${host}${target}`,
      target,
      headers: framed,
      body,
    };
  }
}

/** The most origins whose connections are kept; beyond it the one used longest ago is closed. */
const MOST_TRANSPORTS = 256;

/** The backends that a service defines, and the connections to all of them. */
export class Backends {
  readonly #defined = new Map<string, Backend>();
  readonly #catchAll: (name: string) => BackendDefinition | undefined;
  readonly #report: (error: unknown) => void;
  /** By the options' JSON: dynamic backends of many requests share connections. */
  readonly #transports = new Map<string, Transport>();

  /**
   * @param defined By name.
   * @param catchAll Answers for names that nothing defines.
   * @param report Told what a handler in JavaScript throws.
   */
  constructor(
    defined: Readonly<Record<string, BackendDefinition>>,
    catchAll: (name: string) => BackendDefinition | undefined,
    report: (error: unknown) => void,
  ) {
    this.#catchAll = catchAll;
    this.#report = report;
    for (const [name, definition] of Object.entries(defined)) {
      this.#defined.set(name, this.make(name, definition));
    }
  }

  /** Whether the name is defined by itself, not only caught. */
  isDefined(name: string): boolean {
    return this.#defined.has(name);
  }

  find(name: string): Backend | undefined {
    const defined = this.#defined.get(name);
    if (defined) return defined;
    const caught = this.#catchAll(name);
    return caught === undefined ? undefined : this.make(name, caught);
  }

  /** A backend of this service that only the caller knows. */
  make(name: string, definition: BackendDefinition): Backend {
    if (typeof definition === "function") {
      return new Backend(name, undefined, handlerTransport(definition, this.#report));
    }
    const options = typeof definition === "string" ? { url: definition } : definition;
    checkBackendUrl(name, options.url);
    return new Backend(name, options, this.#transport(options));
  }

  /** Closes idle connections. */
  close(): void {
    for (const transport of this.#transports.values()) transport.close();
    this.#transports.clear();
  }

  #transport(options: BackendOptions): Transport {
    const key = JSON.stringify(options);
    const transport = this.#transports.get(key) ?? httpTransport(options);
    this.#transports.delete(key);
    this.#transports.set(key, transport);
    if (this.#transports.size > MOST_TRANSPORTS) {
      const [oldest, idle] = this.#transports.entries().next().value!;
      this.#transports.delete(oldest);
      idle.close();
    }
    return transport;
  }
}

function checkBackendUrl(name: string, url: string): void {
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol) || !parsed.host) {
    throw new TypeError(
      `Cannot use backend "${name}": its URL ${
        JSON.stringify(url)
      } is not http:// or https:// and a host`,
    );
  }
}
