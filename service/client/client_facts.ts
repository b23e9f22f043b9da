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

/** What is known of a client's TLS connection. */
export interface TlsFacts {
  /** As OpenSSL names it: `TLSv1.3`. */
  readonly protocol?: string;
  /** OpenSSL's name of the cipher suite: `ECDHE-RSA-AES128-GCM-SHA256`. */
  readonly cipher?: string;
  /** The name that the client asked for (SNI). */
  readonly serverName?: string;
  /** The ClientHello message, as it came in the handshake. */
  readonly clientHello?: Uint8Array;
  /** The JA3 fingerprint: an MD5 digest in 32 hexadecimal digits. */
  readonly ja3?: string;
  /** The JA4 fingerprint: three parts joined by `_`, as `t13d1516h2_8daaf6152771_02713d6af862`. */
  readonly ja4?: string;
  /** The client's own certificate, in PEM. */
  readonly clientCertificate?: string;
  /** Whether that certificate was accepted. Without it the guest learns that there is none to ask about. */
  readonly verifyResult?: VerifyResult;
}

/** What bot management would say. */
export interface BotFacts {
  /** Whether the request was looked at. By default it was not. */
  readonly analyzed?: boolean;
  /** Whether it is a bot's. By default it is not. */
  readonly detected?: boolean;
  /** Which bot it is, as `GoogleBot`. By default the guest learns that it is not known. */
  readonly name?: string;
  /** The name of a category, such as `ai-crawler`, or its number in the ABI as text. By default not known. */
  readonly category?: string;
  /** Whether the bot is who it says it is. By default not known. */
  readonly verified?: boolean;
}

/** What the client's address is known for. All of it is `false` where nothing is said, once there is any of it. */
export interface ProxyFacts {
  /** Whether it hides its client in any of the ways below. */
  readonly anonymous?: boolean;
  /** Whether it belongs to a VPN that its provider offers for anonymity. */
  readonly anonymousVpn?: boolean;
  /** Whether it belongs to a provider of hosting, which people do not browse from. */
  readonly hostingProvider?: boolean;
  /** Whether it is a proxy that is itself behind a VPN. */
  readonly proxyOverVpn?: boolean;
  /** Whether it is a proxy that is open to anybody. */
  readonly publicProxy?: boolean;
  /** Whether it is the way out of a relay service, such as iCloud Private Relay. */
  readonly relayProxy?: boolean;
  /** Whether it is a proxy at an address that an access provider gives to homes. */
  readonly residentialProxy?: boolean;
  /** Whether it is a proxy that clients are led to by DNS, to appear in another country. */
  readonly smartDnsProxy?: boolean;
  /** Whether it is where traffic leaves the Tor network. */
  readonly torExitNode?: boolean;
  /** Whether it is in a data centre that VPNs run in. */
  readonly vpnDatacenter?: boolean;
  /** Whose VPN it belongs to. By default not known, never `false`. */
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
  /** The TCP port that the client sends from; 0 where there is no socket. */
  readonly port: number;
  /** The address that the client reached, as {@linkcode ClientFacts.address}. */
  readonly serverAddress: string;
  /** The TCP port that the client reached. */
  readonly serverPort: number;
  /** By default a request under `http` has none, and the guest of one under `https` sees empty values. */
  readonly tls?: TlsFacts;
  /** How the client opens HTTP/2, as Akamai writes such fingerprints: `1:65536|0|0|m,a,s,p`. */
  readonly h2Fingerprint?: string;
  /** The fingerprint of the client's header names. How Fastly makes it is not public, so none is made here. */
  readonly ohFingerprint?: string;
  /** Whether the request is part of an attack. By default it is not. */
  readonly ddosDetected?: boolean;
  /** The region whose rules apply: `eu`, `us`. By default `none`. */
  readonly region?: string;
  /** By default the request was not looked at. */
  readonly bot?: BotFacts;
  /** By default nothing is known of the address. */
  readonly proxy?: ProxyFacts;
  /** By default counted in the request's `cdn-loop` field. */
  readonly visits?: Visits;
}

/** Facts from elsewhere, on top of what the front knows; `tls`, `bot`, `proxy` and `visits` are merged fact by fact. */
export type FactsOverride = Partial<ClientFacts>;
