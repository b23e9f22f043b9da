import type { LimitName } from "./limits.ts";

/** Every way the host can refuse a guest. Each ABI decides what number it becomes. */
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
 * An `Error` in every way but that it has no frames: to look for them is most of what an error costs, and guests ask for
 * what is not there, and exit, all the time.
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

/** A refusal the guest is meant to see. Anything else that is thrown is a bug in the host. */
export class HostError extends FramelessError {
  override readonly name: string = "HostError";
  readonly kind: Refusal;
  /** The limit that is behind it, if one is. */
  readonly limit: LimitName | undefined;

  constructor(kind: Refusal, message: string, options?: ErrorOptions & { limit?: LimitName }) {
    super(message, options);
    this.kind = kind;
    this.limit = options?.limit;
  }
}

/** Throws a {@linkcode HostError}, from anywhere an expression may stand. */
export function refuse(kind: Refusal, message: string, cause?: unknown): never {
  throw new HostError(kind, message, { cause });
}

/**
 * Why a request to a backend had no response, in the order of the ABI's
 * `send_error_detail_tag`: the position is the number that a guest sees.
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

/** The frame of HTTP/2 that ended a stream or connection (RFC 9113, section 6): its type and its error code. */
interface Http2Fault {
  /** 3 for RST_STREAM, 7 for GOAWAY. */
  readonly frame: number;
  readonly code: number;
}

/** A request to a backend that failed, with what the ABI's `send_error_detail` record can carry. */
export class SendError extends HostError {
  override readonly name = "SendError";
  readonly failure: SendFailure;
  /** The response code of a failed DNS query, for `dns_error`. */
  readonly dnsRcode: number | undefined;
  /** The alert's number, for `tls_alert_received`. */
  readonly tlsAlert: number | undefined;
  /** What the backend said, for `h2_error`. */
  readonly http2: Http2Fault | undefined;
  /** Whether the log has it already. */
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
