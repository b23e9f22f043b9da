import { messageOf, SendError, type SendFailure } from "../errors.ts";
import type { Rejection } from "../http/http1/rejection.ts";

/** A failure, and the end of its message after "Cannot connect to …: ". */
type Reason = readonly [failure: SendFailure, state: string];

const UNRESOLVED: Reason = ["dns_error", "its name could not be resolved"];
const REFUSED: Reason = ["connection_refused", "the connection was refused"];
const TERMINATED: Reason = ["connection_terminated", "the connection was closed"];
const TIMED_OUT: Reason = ["connection_timeout", "the connection timed out"];
const UNROUTABLE: Reason = ["destination_ip_unroutable", "there is no route to its address"];

const REASONS: { readonly [code: string]: Reason } = {
  ENOTFOUND: ["dns_error", "its name is unknown"],
  ECONNREFUSED: REFUSED,
  ECONNRESET: TERMINATED,
  ECONNABORTED: TERMINATED,
  EPIPE: TERMINATED,
  ETIMEDOUT: TIMED_OUT,
  EHOSTUNREACH: UNROUTABLE,
  ENETUNREACH: UNROUTABLE,
  EADDRNOTAVAIL: UNROUTABLE,
  ERR_SSL_NO_CIPHER_MATCH: [
    "tls_configuration_error",
    "none of its ciphers is known here",
  ],
};

/** Numbers of TLS alerts by Deno's names (RFC 8446, section 6, and RFC 5246, section 7.2). */
const ALERTS: { readonly [name: string]: number } = {
  CloseNotify: 0,
  UnexpectedMessage: 10,
  BadRecordMac: 20,
  DecryptionFailed: 21,
  RecordOverflow: 22,
  DecompressionFailure: 30,
  HandshakeFailure: 40,
  NoCertificate: 41,
  BadCertificate: 42,
  UnsupportedCertificate: 43,
  CertificateRevoked: 44,
  CertificateExpired: 45,
  CertificateUnknown: 46,
  IllegalParameter: 47,
  UnknownCA: 48,
  AccessDenied: 49,
  DecodeError: 50,
  DecryptError: 51,
  ExportRestriction: 60,
  ProtocolVersion: 70,
  InsufficientSecurity: 71,
  InternalError: 80,
  InappropriateFallback: 86,
  UserCanceled: 90,
  NoRenegotiation: 100,
  MissingExtension: 109,
  UnsupportedExtension: 110,
  CertificateUnobtainable: 111,
  UnrecognisedName: 112,
  BadCertificateStatusResponse: 113,
  BadCertificateHashValue: 114,
  UnknownPSKIdentity: 115,
  CertificateRequired: 116,
  NoApplicationProtocol: 120,
};

const CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_PURPOSE|ERR_TLS_CERT_)/;

/**
 * Returns the error that the guest sees for an error of a connection.
 *
 * @param error Error of `node:net`, `node:http2` or `node:tls`; a {@linkcode SendError} is returned as it is.
 * @param name The backend's scheme, host and port, for the message.
 */
export function toSendError(error: unknown, name: string): SendError {
  if (error instanceof SendError) return error;
  const first = firstOf(error);
  const code = codeOf(first);
  const message = messageOf(first);
  const alert = /received fatal alert: (\w+)/.exec(message)?.[1];
  if (alert) return alerted(alert, name, error);
  const [failure, state] = reason(code, message);
  return new SendError(failure, `Cannot connect to ${name}: ${state}`, {
    cause: error,
    ...(code === "ENOTFOUND" ? { dnsRcode: 3 } : {}),
  });
}

/** Returns the error for a response that breaks a rule of HTTP/1, or whose head is too large. */
export function malformedResponse(rejection: Rejection, name: string): SendError {
  const { status, message } = rejection;
  return status === 431
    ? new SendError(
      "http_response_header_section_too_large",
      `Cannot take the response of ${name}: its head is too large`,
      { cause: rejection, limit: "header_bytes" },
    )
    : new SendError(
      "http_protocol_error",
      `Cannot take the response of ${name}: it is not HTTP (${message})`,
      { cause: rejection },
    );
}

/** Returns the error for a response that is cut short. */
export function incompleteResponse(name: string, cause?: unknown): SendError {
  return new SendError(
    "http_incomplete_response",
    `Cannot read the response of ${name}: the connection was closed before its end`,
    { cause },
  );
}

/** Returns the code of an error of the platform; empty if it has none. */
export function codeOf(error: unknown): string {
  const first = firstOf(error);
  return first instanceof Error && "code" in first ? String(first.code) : "";
}

/** Returns the first error of an `AggregateError`, which has one for each address of a host. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length ? error.errors[0] : error;
}

function reason(code: string, message: string): Reason {
  const known = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  if (known) return known;
  if (code.startsWith("EAI_")) return UNRESOLVED;
  if (code.startsWith("ERR_HTTP2_")) {
    return ["http_protocol_error", `HTTP/2 forbids it (${message})`];
  }
  if (CERTIFICATE.test(code)) {
    return ["tls_certificate_error", `its certificate was not accepted (${message})`];
  }
  if (/^ERR_(SSL|TLS)_/.test(code)) {
    return ["tls_protocol_error", `the TLS handshake failed (${message})`];
  }
  return ["internal_error", message];
}

function alerted(alert: string, name: string, cause: unknown): SendError {
  const number = Object.hasOwn(ALERTS, alert) ? ALERTS[alert] : undefined;
  return new SendError(
    "tls_alert_received",
    `Cannot connect to ${name}: it answered the TLS handshake with the alert ${alert}`,
    { cause, ...(number === undefined ? {} : { tlsAlert: number }) },
  );
}
