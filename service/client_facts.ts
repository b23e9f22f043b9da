/** What became of checking a client's certificate, in the order of the ABI's `client_cert_verify_result`. */
export const VERIFY_RESULTS = [
  "ok",
  "bad-certificate",
  "certificate-revoked",
  "certificate-expired",
  "unknown-ca",
  "certificate-missing",
  "certificate-unknown",
] as const;
/** One of {@linkcode VERIFY_RESULTS}. */
export type VerifyResult = typeof VERIFY_RESULTS[number];

/** What is known of a client's TLS connection. */
export interface TlsFacts {
  /** As OpenSSL names it: `TLSv1.3`. */
  readonly protocol?: string;
  /** OpenSSL's name of the cipher suite. */
  readonly cipher?: string;
  /** The name that the client asked for (SNI). */
  readonly serverName?: string;
  /** The ClientHello message. */
  readonly clientHello?: Uint8Array;
  /** The JA3 fingerprint: an MD5 digest in 32 hexadecimal digits. */
  readonly ja3?: string;
  readonly ja4?: string;
  /** The client's own certificate, in PEM. */
  readonly clientCertificate?: string;
  /** Whether that certificate was accepted. */
  readonly verifyResult?: VerifyResult;
}

/** What bot management would say. */
export interface BotFacts {
  /** Whether the request was looked at. By default it was not. */
  readonly analyzed?: boolean;
  /** Whether it is a bot's. By default it is not. */
  readonly detected?: boolean;
  readonly name?: string;
  /** The name of a category, such as `ai-crawler`, or its number as text. */
  readonly category?: string;
  /** Whether the bot is who it says it is. */
  readonly verified?: boolean;
}

/** What the client's address is known for. All of it is `false` where nothing is said, once there is any of it. */
export interface ProxyFacts {
  readonly anonymous?: boolean;
  readonly anonymousVpn?: boolean;
  readonly hostingProvider?: boolean;
  readonly proxyOverVpn?: boolean;
  readonly publicProxy?: boolean;
  readonly relayProxy?: boolean;
  readonly residentialProxy?: boolean;
  readonly smartDnsProxy?: boolean;
  readonly torExitNode?: boolean;
  readonly vpnDatacenter?: boolean;
  readonly vpnServiceName?: string;
}

/** How often a request has come by, this time included. */
export interface Visits {
  /** At this service. By default one more than `cdn-loop` names this host. */
  readonly service?: number;
  /** At this point of presence. By default as often as at the service. */
  readonly pop?: number;
}

/** What the host knows of whoever sent a request. What is not there is unknown, and has the default that is told. */
export interface ClientFacts {
  /** IPv4 or IPv6 address in text, without port or brackets. */
  readonly address: string;
  readonly port: number;
  /** The address that the client reached. */
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly tls?: TlsFacts;
  /** The fingerprint of the client's HTTP/2 settings. */
  readonly h2Fingerprint?: string;
  /** The fingerprint of the client's header names. How Fastly makes it is not public, so none is made here. */
  readonly ohFingerprint?: string;
  /** Whether the request is part of an attack. By default it is not. */
  readonly ddosDetected?: boolean;
  /** The region whose rules apply: `eu`, `us`. By default `none`. */
  readonly region?: string;
  readonly bot?: BotFacts;
  /** By default nothing is known of the address. */
  readonly proxy?: ProxyFacts;
  readonly visits?: Visits;
}

/** Facts from elsewhere, on top of what the front knows. */
export type FactsOverride = Partial<ClientFacts>;
