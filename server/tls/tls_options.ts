import type { Identity } from "./identity.ts";

/** Request for client certificates: without an accepted one the handshake fails (`require`), or the guest gets the result (`request`). */
export type ClientAuth = "require" | "request";

/** TLS of a listener. */
export interface TlsOptions extends Identity {
  /** Authorities of clients' certificates, in PEM; without them clients are not asked for one. */
  readonly clientCa?: string | undefined;
  /** By default `require`; counts only with `clientCa`. */
  readonly clientAuth?: ClientAuth | undefined;
}
