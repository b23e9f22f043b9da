import type { Sandbox } from "../../handles/sandbox.ts";
import { HostError, type Refusal, SEND_FAILURES, SendError } from "../../service/errors.ts";
import type { WitType } from "./wit.ts";

/** Error for a value that is longer than the caller allows. */
export class TooLong extends HostError {
  constructor(readonly needed: number, room: bigint) {
    super("buffer-too-small", `Cannot give ${needed} bytes: ${room} is the most`);
  }
}

/** Error that becomes a case, by its name, of the function's own error type. */
export class NamedError extends HostError {
  constructor(readonly error: string, message: string, kind: Refusal = "failed") {
    super(kind, message);
  }
}

const ERROR: Readonly<Partial<Record<Refusal, string>>> = {
  "invalid": "invalid-argument",
  "bad-handle": "auxiliary-error",
  "buffer-too-small": "buffer-len",
  "unsupported": "unsupported",
  "http-invalid": "http-invalid",
  "http-incomplete": "http-incomplete",
  "head-too-large": "http-head-too-large",
  "limit-exceeded": "limit-exceeded",
  "bad-request": "invalid-argument",
  "precondition-failed": "invalid-argument",
  "too-large": "invalid-argument",
};
const OPEN: Readonly<Partial<Record<Refusal, string>>> = {
  "invalid": "not-found",
  "absent": "not-found",
  "unsupported": "unsupported",
  "limit-exceeded": "limit-exceeded",
};
const KV: Readonly<Partial<Record<Refusal, string>>> = {
  "bad-request": "bad-request",
  "invalid": "bad-request",
  "precondition-failed": "precondition-failed",
  "too-large": "payload-too-large",
};

/** Converts an exception to a value of a function's error type. */
export function errorValue(sandbox: Sandbox, type: WitType | undefined, error: unknown): unknown {
  if (!type) return undefined;
  const kind = error instanceof HostError ? error.kind : "failed";
  const { names } = type;
  const own = error instanceof NamedError ? names.indexOf(error.error) : -1;
  if (type.kind === "record") { // error-with-detail
    const detail = error instanceof SendError ? detailOf(type, error) : undefined;
    return [detail, errorValue(sandbox, type.parts[1], error)];
  }
  if (own >= 0) return type.kind === "enum" ? own : { tag: own, value: undefined };
  if (names.includes("not-available-yet")) { // trailer-error
    return kind === "again"
      ? { tag: 0, value: undefined }
      : { tag: 1, value: errorValue(sandbox, type.parts[1], error) };
  }
  if (names.includes("last-operation-failed")) {
    return { tag: names.indexOf("closed"), value: undefined };
  }
  if (names.includes("not-found")) return position(names, OPEN[kind]);
  if (names.includes("precondition-failed")) {
    return { tag: position(names, KV[kind] ?? "internal-error"), value: undefined };
  }
  if (type.kind === "enum") return position(names, undefined);
  const tag = position(names, ERROR[kind]);
  const value = names[tag] === "buffer-len"
    ? BigInt(error instanceof TooLong ? error.needed : 0)
    : undefined;
  return { tag, value };
}

function position(names: readonly string[], name: string | undefined): number {
  return Math.max(0, names.indexOf(name ?? "generic-error"));
}

/** Converts the reason of a failed request to a backend; undefined if there is no case for it. */
function detailOf(type: WitType, { failure, dnsRcode, tlsAlert, http2 }: SendError): unknown {
  const option = type.parts[0]!;
  const { names } = option.parts[1]!;
  const tag = names.indexOf(failure.replaceAll("_", "-"));
  if (SEND_FAILURES.indexOf(failure) < 2 || tag < 0) return undefined;
  if (failure === "dns_error") return { tag, value: [dnsRcode, undefined] };
  if (failure === "tls_alert_received") return { tag, value: [tlsAlert] };
  if (failure === "h2_error") return { tag, value: [http2?.frame ?? 0, http2?.code ?? 0] };
  return { tag, value: undefined };
}
