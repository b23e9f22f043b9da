import type { LimitName } from "./limits.ts";

/** Reasons for which the host refuses a hostcall. Each ABI maps them to its status numbers. */
export type Refusal =
  | "failed"
  | "invalid"
  | "bad-handle"
  | "buffer-too-small"
  | "unsupported"
  | "http-invalid"
  | "http-incomplete"
  | "head-too-large"
  | "absent"
  | "limit-exceeded"
  | "again"
  | "bad-request"
  | "precondition-failed"
  | "too-large";

/**
 * An `Error` without a stack. Collecting frames is most of the cost of an error, and refusals are frequent: guests look
 * up absent keys, and exit by an exception.
 */
export class FramelessError implements Error {
  readonly name: string = "Error";
  readonly message: string;
  readonly cause: unknown;

  constructor(message: string, options?: ErrorOptions) {
    this.message = message;
    this.cause = options?.cause;
  }
}
Object.setPrototypeOf(FramelessError.prototype, Error.prototype);

/** Whether an error is in the log already: its source reports once that it fails, and once that it works again. */
export function isReported(error: unknown): boolean {
  return error instanceof Error && "reported" in error && error.reported === true;
}

/** Returns the message of an error; of anything else that was thrown its text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the first line of an error's message, for a message of one line. */
export function firstLineOf(error: unknown): string {
  return messageOf(error).split("\n")[0]!;
}

/** Returns an error as text for a log: its stack if it has one. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

/** Error that becomes the status of a hostcall. Any other exception is a bug in the host. */
export class HostError extends FramelessError {
  override readonly name: string = "HostError";
  readonly kind: Refusal;
  /** Limit that was exceeded, if that is the reason. */
  readonly limit: LimitName | undefined;

  constructor(kind: Refusal, message: string, options?: ErrorOptions & { limit?: LimitName }) {
    super(message, options);
    this.kind = kind;
    this.limit = options?.limit;
  }
}

/**
 * Refuses a hostcall. Being a call, it may stand in an expression.
 *
 * @throws {HostError} Always.
 */
export function refuse(kind: Refusal, message: string, cause?: unknown): never {
  throw new HostError(kind, message, { cause });
}

/**
 * Reasons for which a request to a backend got no response, in the order of the ABI's `send_error_detail_tag`: the index
 * is the number that the guest sees.
 */
export const SEND_FAILURES = [
  "uninitialized",
  "ok",
  "dns_timeout",
  "dns_error",
  "destination_not_found",
  "destination_unavailable",
  "destination_ip_unroutable",
  "connection_refused",
  "connection_terminated",
  "connection_timeout",
  "connection_limit_reached",
  "tls_certificate_error",
  "tls_configuration_error",
  "http_incomplete_response",
  "http_response_header_section_too_large",
  "http_response_body_too_large",
  "http_response_timeout",
  "http_response_status_invalid",
  "http_upgrade_failed",
  "http_protocol_error",
  "http_request_cache_key_invalid",
  "http_request_uri_invalid",
  "internal_error",
  "tls_alert_received",
  "tls_protocol_error",
  "h2_error",
] as const;

/** One of {@linkcode SEND_FAILURES}. */
export type SendFailure = typeof SEND_FAILURES[number];

/** HTTP/2 frame that ended a stream or connection (RFC 9113, section 6). */
interface Http2Fault {
  /** Type of the frame: 3 for RST_STREAM, 7 for GOAWAY. */
  readonly frame: number;
  /** Error code (RFC 9113, section 7). */
  readonly code: number;
}

/** Error of a request to a backend, with the details of the ABI's `send_error_detail` record. */
export class SendError extends HostError {
  override readonly name = "SendError";
  readonly failure: SendFailure;
  /** Response code of a failed DNS query (RFC 1035, section 4.1.1), for `dns_error`. */
  readonly dnsRcode: number | undefined;
  /** Number of the alert (RFC 8446, section 6), for `tls_alert_received`. */
  readonly tlsAlert: number | undefined;
  /** Frame of the backend, for `h2_error`. */
  readonly http2: Http2Fault | undefined;
  /** Whether it was logged already. */
  told = false;

  constructor(
    failure: SendFailure,
    message: string,
    options?: ErrorOptions & {
      dnsRcode?: number;
      tlsAlert?: number;
      http2?: Http2Fault;
      limit?: LimitName;
    },
  ) {
    super(KINDS[failure] ?? "failed", message, options);
    this.failure = failure;
    this.dnsRcode = options?.dnsRcode;
    this.tlsAlert = options?.tlsAlert;
    this.http2 = options?.http2;
  }
}

const KINDS: { readonly [F in SendFailure]?: Refusal } = {
  destination_not_found: "invalid",
  http_incomplete_response: "http-incomplete",
  http_protocol_error: "http-invalid",
};
