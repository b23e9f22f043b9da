/** Result of the verification of a client's certificate, by the names of the ABI's `client_cert_verify_result`. */
export type VerifyResult =
  | "ok"
  | "bad-certificate"
  | "certificate-revoked"
  | "certificate-expired"
  | "unknown-ca"
  | "certificate-missing"
  | "certificate-unknown";

/** All results, in the order of their numbers in the ABI. */
export const VERIFY_RESULTS: readonly VerifyResult[] = [
  "ok",
  "bad-certificate",
  "certificate-revoked",
  "certificate-expired",
  "unknown-ca",
  "certificate-missing",
  "certificate-unknown",
];

/** Facts of a client's TLS connection. */
export interface TlsFacts {
  /** OpenSSL's name of the protocol version: `TLSv1.3`. */
  readonly protocol?: string;
  /** OpenSSL's name of the cipher suite: `ECDHE-RSA-AES128-GCM-SHA256`. */
  readonly cipher?: string;
  /** Server name that the client sent (SNI, RFC 6066, section 3). */
  readonly serverName?: string;
  /** ClientHello message of the handshake (RFC 8446, section 4.1.2). */
  readonly clientHello?: Uint8Array;
  /** JA3 fingerprint: an MD5 digest in 32 hexadecimal digits. */
  readonly ja3?: string;
  /** JA4 fingerprint: three parts joined by `_`, as `t13d1516h2_8daaf6152771_02713d6af862`. */
  readonly ja4?: string;
  /** Client certificate, in PEM. */
  readonly clientCertificate?: string;
  /** Result of its verification. Without it the hostcall answers `none` (there is no certificate). */
  readonly verifyResult?: VerifyResult;
}

/** Results of bot management. */
export interface BotFacts {
  /** Whether the request was analyzed. By default `false`. */
  readonly analyzed?: boolean;
  /** Whether it comes from a bot. By default `false`. */
  readonly detected?: boolean;
  /** Name of the bot, as `GoogleBot`. By default not known. */
  readonly name?: string;
  /** Name of its category, as `ai-crawler`, or the category's number in the ABI as text. By default not known. */
  readonly category?: string;
  /** Whether the bot's identity was verified. By default not known. */
  readonly verified?: boolean;
}

/** Facts of the client's address as a proxy's. If any is given, those left out are `false`, but for `vpnServiceName`. */
export interface ProxyFacts {
  /** Whether it hides its client in one of the ways below. */
  readonly anonymous?: boolean;
  /** Whether it belongs to a VPN that its provider offers for anonymity. */
  readonly anonymousVpn?: boolean;
  /** Whether it belongs to a hosting provider. */
  readonly hostingProvider?: boolean;
  /** Whether it is a proxy that is itself behind a VPN. */
  readonly proxyOverVpn?: boolean;
  /** Whether it is a proxy that is open to the public. */
  readonly publicProxy?: boolean;
  /** Whether it is an exit of a relay service, such as iCloud Private Relay. */
  readonly relayProxy?: boolean;
  /** Whether it is a proxy at a residential address. */
  readonly residentialProxy?: boolean;
  /** Whether it is a proxy that clients reach by DNS, to appear in another country. */
  readonly smartDnsProxy?: boolean;
  /** Whether it is an exit node of the Tor network. */
  readonly torExitNode?: boolean;
  /** Whether it is in a data centre that hosts VPNs. */
  readonly vpnDatacenter?: boolean;
  /** Name of the VPN service that it belongs to. By default not known. */
  readonly vpnServiceName?: string;
}

/** Number of times that a request has passed, this one included. */
export interface Visits {
  /** Through this service. By default one more than `cdn-loop` names this host (RFC 8586). */
  readonly service?: number;
  /** Through this point of presence. By default the same number. */
  readonly pop?: number;
}

/** Facts of a request's client. Those left out are unknown, and have the defaults below. */
export interface ClientFacts {
  /** IPv4 or IPv6 address in text, without port or brackets. */
  readonly address: string;
  /** TCP port of the client; 0 without a socket. */
  readonly port: number;
  /** Address of the server that the client has connected to, in the format of {@linkcode ClientFacts.address}. */
  readonly serverAddress: string;
  /** TCP port of the server. */
  readonly serverPort: number;
  /** Facts of TLS. By default a request under `http` has none, and one under `https` has empty values. */
  readonly tls?: TlsFacts;
  /** Fingerprint of the client's HTTP/2 settings, in Akamai's format: `1:65536|0|0|m,a,s,p`. */
  readonly h2Fingerprint?: string;
  /** Fingerprint of the client's header names. Fastly's algorithm is not public, so that the host computes none. */
  readonly ohFingerprint?: string;
  /** Whether the request is part of an attack. By default `false`. */
  readonly ddosDetected?: boolean;
  /** Region whose rules apply: `eu`, `us`. By default `none`. */
  readonly region?: string;
  /** Results of bot management. By default the request was not analyzed. */
  readonly bot?: BotFacts;
  /** Facts of the address as a proxy's. By default none are known. */
  readonly proxy?: ProxyFacts;
  /** By default counted from the request's `cdn-loop` fields. */
  readonly visits?: Visits;
}

/** Facts that override those of the server; `tls`, `bot`, `proxy` and `visits` are merged fact by fact. */
export type FactsOverride = Partial<ClientFacts>;
