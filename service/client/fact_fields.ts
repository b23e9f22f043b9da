import type { BotFacts, FactsOverride, ProxyFacts, TlsFacts, Visits } from "./client_facts.ts";
import { VERIFY_RESULTS, type VerifyResult } from "./client_facts.ts";
import { octetsOf } from "../util/address.ts";

/** Parses a text; undefined if it is not a fact of the kind. */
type Read<T> = (text: string) => T | undefined;

interface Kind<T> {
  readonly read: Read<T>;
  /** Description of valid texts, for messages. */
  readonly expected: string;
}

const text: Kind<string> = { read: (text) => text, expected: "a text" };
const flag: Kind<boolean> = {
  read: (text) => text === "true" ? true : text === "false" ? false : undefined,
  expected: "true or false",
};
const count: Kind<number> = {
  read: (text) => /^\d{1,9}$/.test(text) ? Number(text) : undefined,
  expected: "a number",
};
const address: Kind<string> = {
  read: (text) => octetsOf(text) ? text : undefined,
  expected: "an IP address",
};
const base64: Kind<Uint8Array> = {
  read(text) {
    try {
      return Uint8Array.fromBase64(text);
    } catch {
      return undefined;
    }
  },
  expected: "in base64",
};
const md5: Kind<string> = {
  read: (text) => /^[0-9a-f]{32}$/i.test(text) ? text : undefined,
  expected: "32 hexadecimal digits",
};
const certificate: Kind<string> = {
  read(text) {
    if (text.startsWith("-----BEGIN ")) return text;
    const der = base64.read(text);
    return der &&
      `-----BEGIN CERTIFICATE-----\n${
        der.toBase64().replace(/.{64}(?=.)/g, "$&\n")
      }\n-----END CERTIFICATE-----\n`;
  },
  expected: "a certificate in PEM, or its DER in base64",
};
const verdict: Kind<VerifyResult> = {
  read: (text) => VERIFY_RESULTS.find((result) => result === text),
  expected: `one of ${VERIFY_RESULTS.join(", ")}`,
};

type Fields<T> = Readonly<{ [K in keyof T]-?: readonly [name: string, kind: Kind<T[K]>] }>;

const TLS: Fields<TlsFacts> = {
  protocol: ["tls-protocol", text],
  cipher: ["tls-cipher", text],
  serverName: ["tls-server-name", text],
  clientHello: ["tls-client-hello", base64],
  ja3: ["ja3", md5],
  ja4: ["ja4", text],
  clientCertificate: ["tls-client-certificate", certificate],
  verifyResult: ["tls-verify-result", verdict],
};
const BOT: Fields<BotFacts> = {
  analyzed: ["bot-analyzed", flag],
  detected: ["bot-detected", flag],
  name: ["bot-name", text],
  category: ["bot-category", text],
  verified: ["bot-verified", flag],
};
const PROXY: Fields<ProxyFacts> = {
  anonymous: ["proxy-anonymous", flag],
  anonymousVpn: ["proxy-anonymous-vpn", flag],
  hostingProvider: ["proxy-hosting-provider", flag],
  proxyOverVpn: ["proxy-proxy-over-vpn", flag],
  publicProxy: ["proxy-public-proxy", flag],
  relayProxy: ["proxy-relay-proxy", flag],
  residentialProxy: ["proxy-residential-proxy", flag],
  smartDnsProxy: ["proxy-smart-dns-proxy", flag],
  torExitNode: ["proxy-tor-exit-node", flag],
  vpnDatacenter: ["proxy-vpn-datacenter", flag],
  vpnServiceName: ["proxy-vpn-service-name", text],
};
const VISITS: Fields<Visits> = {
  service: ["visits-service", count],
  pop: ["visits-pop", count],
};
type Plain = Pick<
  FactsOverride,
  "address" | "serverAddress" | "h2Fingerprint" | "ohFingerprint" | "ddosDetected" | "region"
>;
const PLAIN: Fields<Plain> = {
  address: ["address", address],
  serverAddress: ["server-address", address],
  h2Fingerprint: ["h2-fingerprint", text],
  ohFingerprint: ["oh-fingerprint", text],
  ddosDetected: ["ddos-detected", flag],
  region: ["region", text],
};

/** Names of facts in request fields and files, as `bot-name`, `ja4`. */
export const FACT_NAMES: readonly string[] = [PLAIN, TLS, BOT, PROXY, VISITS].flatMap((fields) =>
  Object.values(fields).map(([name]) => name)
);

/**
 * Reads facts from texts.
 *
 * @param value Returns the text of a name out of {@linkcode FACT_NAMES}; undefined if there is none.
 * @param wrong Called for a text that is not valid, which is left out.
 */
export function readFacts(
  value: (name: string) => string | undefined,
  wrong: (name: string, expected: string) => void,
): FactsOverride {
  const gather = <T>(fields: Fields<T>): Partial<T> => {
    const found: Partial<T> = {};
    for (const key in fields) {
      const [name, { read, expected }] = fields[key];
      const written = value(name);
      const fact = written === undefined ? undefined : read(written);
      if (fact !== undefined) found[key] = fact;
      else if (written !== undefined) wrong(name, expected);
    }
    return found;
  };
  const plain = gather(PLAIN);
  const groups = {
    tls: gather(TLS),
    bot: gather(BOT),
    proxy: gather(PROXY),
    visits: gather(VISITS),
  };
  const present = Object.entries(groups).filter(([, facts]) => Object.keys(facts).length);
  return { ...plain, ...Object.fromEntries(present) };
}
