import { HostError, type Refusal } from "../service/errors.ts";

/** Statuses that hostcalls return, by the names of the ABI's `fastly_status`. */
export const XqdStatus = {
  ok: 0,
  error: 1,
  inval: 2,
  badf: 3,
  buflen: 4,
  unsupported: 5,
  badalign: 6,
  httpinvalid: 7,
  httpuser: 8,
  httpincomplete: 9,
  none: 10,
  httpheadtoolarge: 11,
  httpinvalidstatus: 12,
  limitexceeded: 13,
  again: 14,
} as const;
/** One of the numbers of {@linkcode XqdStatus}. */
export type XqdStatus = typeof XqdStatus[keyof typeof XqdStatus];

/** Status of each refusal. */
const STATUS: Readonly<Record<Refusal, XqdStatus>> = {
  "failed": XqdStatus.error,
  "invalid": XqdStatus.inval,
  "bad-handle": XqdStatus.badf,
  "buffer-too-small": XqdStatus.buflen,
  "unsupported": XqdStatus.unsupported,
  "http-invalid": XqdStatus.httpinvalid,
  "http-incomplete": XqdStatus.httpincomplete,
  "head-too-large": XqdStatus.httpheadtoolarge,
  "absent": XqdStatus.none,
  "limit-exceeded": XqdStatus.limitexceeded,
  "again": XqdStatus.again,
  "bad-request": XqdStatus.inval,
  "precondition-failed": XqdStatus.inval,
  "too-large": XqdStatus.inval,
};

/** Returns the status for an error that a hostcall has thrown. */
export function statusOf(error: unknown): XqdStatus {
  return error instanceof HostError ? STATUS[error.kind] : XqdStatus.error;
}

/** Returns the status for a guest of 2020, in place of those above 9, which are newer. */
export function statusOf2020(status: number): number {
  return status <= XqdStatus.httpincomplete
    ? status
    : status === XqdStatus.none
    ? XqdStatus.inval
    : XqdStatus.error;
}
