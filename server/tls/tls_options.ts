import type { Identity } from "./identity.ts";

/** How clients are asked for a certificate: without an accepted one the handshake fails (`require`), or the guest is told (`request`). */
export type ClientAuth = "require" | "request";

/** TLS of a listener. */
export interface TlsOptions extends Identity {
  /** Authorities of clients' certificates, in PEM; without them clients are not asked for one. */
  readonly clientCa?: string | undefined;
  /** By default `require`; counts only with `clientCa`. */
  readonly clientAuth?: ClientAuth | undefined;
}
