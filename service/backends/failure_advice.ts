import type { SendError, SendFailure } from "../errors.ts";
import { codeOf } from "./send_errors.ts";

/** Maximum length of a URL in a message, in characters. */
const MAX_URL = 200;

/**
 * Describes a failed request to a backend in one line: the request, the failure, and what to do next.
 *
 * @param url URL of the request; its query is left out, since it may hold secrets.
 */
export function describeFailure(
  name: string,
  { method, url }: { readonly method: string; readonly url: string },
  error: SendError,
): string {
  const target = url.replace(/[?#].*$/s, "");
  const shown = target.length > MAX_URL ? `${target.slice(0, MAX_URL)}…` : target;
  const advice = adviceFor(error, url.startsWith("https:"));
  return `The request ${method} ${shown} to backend "${name}" failed. ` +
    error.message + (advice ? `; ${advice}` : "");
}

const CORRECT_URL = "correct its url in fastly.toml";
const USE_TLS = "if it speaks TLS, its url begins with https://";
const USE_NO_TLS = "if it speaks no TLS, its url begins with http://";

const ADVICE: { readonly [F in SendFailure]?: string } = {
  dns_timeout: CORRECT_URL,
  dns_error: CORRECT_URL,
  destination_ip_unroutable: `${CORRECT_URL}, or set prefer_ipv4 = true if it has no IPv6`,
  connection_refused: `start it, or ${CORRECT_URL}`,
  connection_timeout: `start it, ${CORRECT_URL}, or raise connect_timeout_ms`,
  connection_limit_reached: "raise max_connections, or connect_timeout_ms to wait longer",
  tls_configuration_error: "correct the backend's TLS settings in fastly.toml",
  http_response_timeout: "look into its own log, or raise first_byte_timeout_ms",
  tls_alert_received: "look into its own log, and at client_certificate, tls_min_version, " +
    "tls_max_version and tls_ciphers",
  h2_error: "look into its own log, or set http2 = false",
};

/** Returns advice for a failure, in words that follow a semicolon; undefined if the message contains it already. */
export function adviceFor(error: SendError, secure: boolean): string | undefined {
  const { failure, cause } = error;
  const code = codeOf(cause);
  switch (failure) {
    case "tls_certificate_error":
      return adviceOnCertificate(code);
    case "tls_protocol_error":
      return code === "ERR_SSL_WRONG_VERSION_NUMBER" ? USE_NO_TLS : undefined;
    case "http_protocol_error":
      if (code === "NOT_HTTP" && !secure) return USE_TLS;
      return / HTTP\/2$/.test(error.message) ? "set grpc = false" : undefined;
    case "connection_terminated":
      if (code !== "ECONNRESET" && code !== "EPIPE") return undefined; // not by the backend
      return `look into its own log; ${secure ? USE_NO_TLS : USE_TLS}`;
    default:
      return ADVICE[failure];
  }
}

function adviceOnCertificate(code: string): string {
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return "set cert_host to a name that the certificate has, or, for development, " +
      "tls_verify = false";
  }
  // Deno has the same error for an expired certificate and one of an unknown authority.
  return "unless it has expired, set ca_certificate to that of its authority, or, for " +
    "development, tls_verify = false";
}
