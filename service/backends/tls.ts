import type { NetConnectOpts } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import type { BackendOptions, TlsVersion } from "./definition.ts";
import { SendError } from "../errors.ts";
import { builtin } from "../util/builtins.ts";

type TlsOptions = NonNullable<BackendOptions["tls"]>;

/** Names of the versions in `node:tls`, in order. Deno supports the last two. */
const VERSIONS = { "1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3" } as const;
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

/** Adds the service's certificates to the options of a backend with TLS that has none of its own. */
export function trusting(options: BackendOptions, ca: string | undefined): BackendOptions {
  if (ca === undefined || options.tls?.ca || !options.url.startsWith("https:")) return options;
  return { ...options, tls: { ...options.tls, ca } };
}

/**
 * Returns a function that opens TLS connections to one backend and offers protocols by ALPN.
 *
 * @param host The backend's host, without brackets.
 * @param name The backend's scheme, host and port, for messages.
 * @throws {SendError} If the settings are not valid.
 */
export function tlsConnector(
  host: string,
  name: string,
  tls: TlsOptions = {},
): (tcp: NetConnectOpts, protocols?: readonly string[]) => TLSSocket {
  const { isIP, connect: connectTcp } = builtin("node:net");
  const { checkServerIdentity, connect: connectTls } = builtin("node:tls");
  const { sni = host } = tls;
  // RFC 6066, section 3: an address is not a server name.
  const servername = sni === false || isIP(sni) ? "" : sni;
  const identity = tls.certHost ?? (sni || host);
  const settings: ConnectionOptions = {
    servername,
    checkServerIdentity: (_, certificate) => checkServerIdentity(identity, certificate),
    rejectUnauthorized: tls.verify !== false,
    ...authorities(tls, name),
    ...clientCertificate(tls, name),
    ...versions(tls, name),
    ...(tls.ciphers === undefined ? {} : { ciphers: tls.ciphers }),
  };
  return (tcp, protocols) => {
    const offered = protocols ? { ...settings, ALPNProtocols: [...protocols] } : settings;
    if (servername || isIP(host)) return connectTls({ ...tcp, ...offered });
    // `connect` sends the host as the server name unless it gets a socket.
    const socket = connectTcp(tcp);
    const secure = connectTls({ ...offered, socket });
    socket.on("error", (error) => secure.destroy(error));
    return secure;
  };
}

function authorities({ ca }: TlsOptions, name: string): ConnectionOptions {
  if (ca === undefined) return {};
  const { X509Certificate } = builtin("node:crypto");
  const texts = typeof ca === "string" ? [ca] : ca;
  const found = texts.flatMap((text) => text.match(CERTIFICATES) ?? []);
  // `node:tls` ignores a certificate that it cannot parse, and then refuses all servers without a reason.
  if (!found.length) fail(name, "its `ca` is not a certificate in PEM");
  for (const certificate of found) parse(() => new X509Certificate(certificate), name, "its `ca`");
  return { ca: found };
}

function clientCertificate({ clientCertificate }: TlsOptions, name: string): ConnectionOptions {
  if (!clientCertificate) return {};
  const { createPrivateKey, X509Certificate } = builtin("node:crypto");
  const { certificate: cert, key } = clientCertificate;
  const certificate = parse(() => new X509Certificate(cert), name, "its client certificate");
  const secret = parse(() => createPrivateKey(key), name, "the key of its client certificate");
  if (!certificate.checkPrivateKey(secret)) {
    fail(name, "its client certificate and the key do not belong together");
  }
  return { cert, key };
}

function versions({ minVersion, maxVersion }: TlsOptions, name: string): ConnectionOptions {
  const order: readonly TlsVersion[] = ["1.0", "1.1", "1.2", "1.3"];
  const max = maxVersion ?? "1.3";
  if (order.indexOf(max) < 2) fail(name, `TLS ${max} is too old: 1.2 is the oldest there is`);
  if (minVersion && order.indexOf(minVersion) > order.indexOf(max)) {
    fail(name, `TLS from ${minVersion} to ${max} is no version at all`);
  }
  return {
    ...(minVersion ? { minVersion: VERSIONS[minVersion] } : {}),
    ...(maxVersion ? { maxVersion: VERSIONS[maxVersion] } : {}),
  };
}

function parse<T>(read: () => T, name: string, what: string): T {
  try {
    return read();
  } catch (error) {
    fail(name, `${what} cannot be read (${error instanceof Error ? error.message : error})`, error);
  }
}

function fail(name: string, state: string, cause?: unknown): never {
  throw new SendError("tls_configuration_error", `Cannot connect to ${name}: ${state}`, { cause });
}
