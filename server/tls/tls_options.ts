import type { Identity } from "./identity.ts";

/**
 * Request for client certificates: without an accepted one the handshake fails (`require`), or the guest gets the
 * result (`request`).
 */
export type ClientAuth = "require" | "request";

/** Options for TLS of a listener, with its certificate and key. */
export interface TlsOptions extends Identity {
  /** Authorities that client certificates must be of, in PEM. By default no certificate is requested. */
  readonly clientCa?: string | undefined;
  /** Request for client certificates, by default `require`. Has no effect without `clientCa`. */
  readonly clientAuth?: ClientAuth | undefined;
}
