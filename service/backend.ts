import type { Payload } from "./bytes.ts";
import type { HttpVersion } from "./exchange.ts";
import type { HeaderList } from "./headers.ts";

/** A backend in JavaScript: answers requests in the process, with no socket. A throw is a failed send to the guest. */
export type BackendHandler = (request: Request) => Response | Promise<Response>;

/** A version of TLS. */
export type TlsVersion = "1.0" | "1.1" | "1.2" | "1.3";

/** How a backend is reached over the network. Names follow Fastly's backend definition. */
export interface BackendOptions {
  /** `http:` or `https:`, host and port; a path in it goes before every request's own. */
  readonly url: string;
  /** The Host field of every request, in place of the guest's. */
  readonly hostOverride?: string;
  /** Each in milliseconds. Without one the backend may take as long as it likes. */
  readonly timeouts?: {
    /** Until the connection stands, TLS included. */
    readonly connect?: number;
    /** From the request to the response's head. */
    readonly firstByte?: number;
    /** Between two pieces of the response's body. */
    readonly betweenBytes?: number;
  };
  readonly tls?: {
    /** Certificates to trust in PEM, in place of the system's. */
    readonly ca?: string | readonly string[];
    /** The name that the certificate must carry; by default the SNI name, else the URL's host. */
    readonly certHost?: string;
    /** The name sent in the handshake; `false` sends none. By default the URL's host. */
    readonly sni?: string | false;
    /** This client's certificate and its key, in PEM. */
    readonly clientCertificate?: { readonly certificate: string; readonly key: string };
    /** `false` accepts any certificate: for development. */
    readonly verify?: boolean;
    readonly minVersion?: TlsVersion;
    readonly maxVersion?: TlsVersion;
    /** Cipher names in OpenSSL's notation, joined by colons. */
    readonly ciphers?: string;
  };
  /** What `is_healthy` tells the guest. By default `unknown`. */
  readonly health?: "unknown" | "healthy" | "unhealthy";
}

/** What may stand for a backend in the options: a URL, a URL with details, or a handler. */
export type BackendDefinition = string | BackendOptions | BackendHandler;

/** A request as it goes to a backend: its Host and framing fields are right already. */
export interface BackendRequest {
  readonly method: string;
  /** Scheme, Host, then path and query with the backend's prefix. */
  readonly url: string;
  /** Path and query of {@linkcode BackendRequest.url}. */
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Payload;
}

/** A backend's response, as the wire had it. */
export interface BackendResponse {
  readonly status: number;
  readonly version: HttpVersion;
  readonly headers: HeaderList;
  readonly body: Payload;
  /** Where it came from, if from a socket: an address without brackets. */
  readonly peer: { readonly address: string; readonly port: number } | undefined;
}

/** A request under way. `response` rejects with a `SendError`. */
export interface Sending {
  readonly response: Promise<BackendResponse>;
  /** Gives up: the connection is closed, `response` rejects if it has not settled. */
  cancel(): void;
}

/** What carries requests to one backend. */
export interface Transport {
  send(request: BackendRequest): Sending;
  /** Closes idle connections. */
  close(): void;
}
