import type {
  BackendOptions,
  Healthcheck,
  PoolLimits,
  TcpKeepAlive,
} from "../../service/backends/definition.ts";
import { filled, filledOrNothing } from "./filled.ts";
import type { ConfigTable } from "./table.ts";

const HEALTHS = ["unknown", "healthy", "unhealthy"] as const;
const TLS_VERSIONS = ["1.0", "1.1", "1.2", "1.3"] as const;

/** Largest window of a health check, in probes. */
const MAX_PROBES = 15;

/** Reads `[local_server.backends]`. */
export function parseBackends(table: ConfigTable): Record<string, BackendOptions> {
  const backends = table.tables().map(([name, entry]) => [name, parseBackend(entry)] as const);
  return Object.fromEntries(backends);
}

function parseBackend(table: ConfigTable): BackendOptions {
  const options = filled({
    hostOverride: table.filledString("override_host"),
    timeouts: parseTimeouts(table),
    tls: parseTls(table),
    grpc: table.boolean("grpc") || undefined,
    http2: table.boolean("http2"),
    keepAlive: table.millis("http_keepalive_time_ms"),
    tcpKeepAlive: parseTcpKeepAlive(table),
    pool: parsePool(table),
    preferIpv4: table.boolean("prefer_ipv4"),
    healthcheck: parseHealthcheck(table.table("healthcheck")),
    health: parseHealth(table),
  });
  const [url] = table.done("url");
  return { url: table.requiredHandshakeUrl(url), ...options };
}

/** Reads timeouts. Zero means no limit, as everywhere in Fastly's settings. */
function parseTimeouts(table: ConfigTable): BackendOptions["timeouts"] {
  return filledOrNothing({
    connect: table.millis("connect_timeout_ms") || undefined,
    firstByte: table.millis("first_byte_timeout_ms") || undefined,
    betweenBytes: table.millis("between_bytes_timeout_ms") || undefined,
  });
}

function parseTls(table: ConfigTable): BackendOptions["tls"] {
  const minVersion = table.choice("tls_min_version", TLS_VERSIONS);
  const maxVersion = table.choice("tls_max_version", TLS_VERSIONS);
  if (minVersion && maxVersion && minVersion > maxVersion) {
    table.wrong("tls_min_version", "is above tls_max_version");
  }
  return filledOrNothing({
    ca: table.has("ca_certificate") ? parseCa(table) : undefined,
    certHost: table.filledString("cert_host"),
    sni: table.boolean("use_sni") === false ? false as const : undefined,
    clientCertificate: parseClientCertificate(table.table("client_certificate")),
    verify: table.boolean("tls_verify"),
    minVersion,
    maxVersion,
    ciphers: table.filledString("tls_ciphers"),
  });
}

/** Reads one certificate or several, each as PEM, `{ value }`, `{ file }` or `{ env }`. */
function parseCa(table: ConfigTable): readonly string[] | undefined {
  const key = "ca_certificate";
  const value = table.get(key);
  const certificates = (Array.isArray(value) ? value : [value]).map((form: unknown) => {
    if (typeof form === "string") return pem(table, key, form);
    const inner = table.asTable(key, form, "a PEM text, a table or a list of those");
    const [file, text, env] = inner.done("file", "value", "env");
    if (inner.has(env)) return pem(table, key, inner.variable(env));
    return pemOrFile(inner, text, file);
  });
  return certificates.length ? certificates : undefined;
}

function parseClientCertificate(
  table: ConfigTable | undefined,
): { certificate: string; key: string } | undefined {
  if (!table) return undefined;
  const [certificate, certificateFile, key, keyFile] = table.done(
    "certificate",
    "certificate_file",
    "key",
    "key_file",
  );
  return {
    certificate: pemOrFile(table, certificate, certificateFile),
    key: pemOrFile(table, key, keyFile),
  };
}

/** Returns the text under one key, or that of the file under the other. */
function pemOrFile(table: ConfigTable, textKey: string, fileKey: string): string {
  const key = table.oneOf([textKey, fileKey]);
  return pem(table, key, key === fileKey ? table.text(key) : table.requiredString(key));
}

function pem(table: ConfigTable, key: string, text: string): string {
  return text.includes("-----BEGIN ") ? text : table.wrong(key, "is not in PEM format");
}

function parseTcpKeepAlive(table: ConfigTable): TcpKeepAlive | undefined {
  return filledOrNothing({
    enable: table.boolean("tcp_keepalive_enable"),
    interval: table.wholeNumber("tcp_keepalive_interval_secs", "seconds"),
    probes: table.wholeNumber("tcp_keepalive_probes"),
    time: table.wholeNumber("tcp_keepalive_time_secs", "seconds"),
  });
}

function parsePool(table: ConfigTable): false | PoolLimits | undefined {
  const limits = filledOrNothing({
    maxConnections: table.wholeNumber("max_connections"),
    maxUse: table.wholeNumber("max_use"),
    maxLifetime: table.millis("max_lifetime_ms"),
  });
  return table.boolean("pool") === false ? false : limits;
}

function parseHealthcheck(table: ConfigTable | undefined): Healthcheck | undefined {
  if (!table) return undefined;
  const window = table.wholeNumber("window");
  if (window === 0 || window! > MAX_PROBES) table.wrong("window", `must be 1 to ${MAX_PROBES}`);
  const healthcheck = filled({
    interval: table.millis("interval_ms"),
    timeout: table.millis("timeout_ms"),
    host: table.filledString("host"),
    method: table.filledString("method"),
    path: table.filledString("path"),
    expectedStatus: table.wholeNumber("expected_status"),
    window,
    threshold: table.wholeNumber("threshold"),
    initial: table.wholeNumber("initial"),
  });
  table.done();
  return healthcheck;
}

function parseHealth(table: ConfigTable): BackendOptions["health"] {
  const health = table.string("health")?.toLowerCase();
  return HEALTHS.find((known) => known === health) ??
    (health === undefined
      ? undefined
      : table.wrong("health", `must be "unknown", "healthy" or "unhealthy"`));
}
