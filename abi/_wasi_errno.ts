import { HostError, type Refusal, refuse } from "../service/errors.ts";
import { type HostcallDeclarers, hostcallDeclarers } from "./_define.ts";

/** Error numbers of WASI, by the names of preview 1's `errno`. */
const Errno = {
  badf: 8,
  exist: 20,
  ilseq: 25,
  inval: 28,
  io: 29,
  isdir: 31,
  mfile: 33,
  nametoolong: 37,
  noent: 44,
  notdir: 54,
  notsock: 57,
  notsup: 58,
  rofs: 69,
  spipe: 70,
  notcapable: 76,
} as const;

const OF_REFUSAL: { readonly [R in Refusal]?: number } = {
  "invalid": Errno.inval,
  "bad-handle": Errno.badf,
  "unsupported": Errno.notsup,
  "limit-exceeded": Errno.mfile,
};

/** Refusal with an error number that only WASI has. */
class Denial extends HostError {
  override readonly name = "Denial";

  constructor(readonly errno: keyof typeof Errno, message: string) {
    super("failed", message);
  }
}

/** Refuses with an error number of WASI's own. */
export function deny(errno: keyof typeof Errno, message: string): never {
  throw new Denial(errno, message);
}

/** Returns the error number for an error that a hostcall has thrown. */
export function errnoOf(error: unknown): number {
  if (error instanceof Denial) return Errno[error.errno];
  return (error instanceof HostError && OF_REFUSAL[error.kind]) || Errno.io;
}

/** Maximum number of entries of a list that a guest passes; Linux's IOV_MAX. */
const MAX_ENTRIES = 1024;

/** Refuses a list that is longer than one may be. */
export function checkCount(count: number, what: string): void {
  if (count <= MAX_ENTRIES) return;
  refuse("invalid", `Cannot take ${count} ${what}: ${MAX_ENTRIES} is the most`);
}

export const { call, wait }: HostcallDeclarers = hostcallDeclarers(errnoOf);
