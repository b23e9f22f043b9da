import type { Reply } from "../handles/pending_request.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { type HandleClass, INVALID_HANDLE } from "../handles/table.ts";
import {
  HostError,
  type Refusal,
  refuse,
  SEND_FAILURES,
  SendError,
  type SendFailure,
} from "../service/errors.ts";
import { EMPTY } from "../service/http/bytes.ts";
import { ipv4Word, octetsOf } from "../service/util/address.ts";
import { isShortAscii, utf8 } from "../service/util/utf8.ts";
import type { CoreValue, Output } from "./_define.ts";
import { unsigned } from "./_in.ts";
import { statusOf, XqdStatus } from "./_status.ts";

export const none: Output<void> = { coreTypes: [], write() {} };
export const u16: Output<number> = {
  coreTypes: ["i32"],
  write: ({ memory }, args, at, value) => memory.setU16(unsigned(args, at), value),
};
export const u32: Output<number> = {
  coreTypes: ["i32"],
  write: ({ memory }, args, at, value) => memory.setU32(unsigned(args, at), value),
};
/** Boolean as a number of four bytes: 1 or 0. */
export const bool: Output<boolean> = {
  coreTypes: ["i32"],
  write: (sandbox, args, at, value) => u32.write(sandbox, args, at, value ? 1 : 0),
};
export const u64: Output<bigint> = {
  coreTypes: ["i32"],
  write: ({ memory }, args, at, value) => memory.setU64(unsigned(args, at), value),
};

/** Writes the length of a value, and returns the pointer to write it to. Refused if the buffer is too small. */
function fit(
  memory: { setU32(ptr: number, value: number): void },
  args: readonly CoreValue[],
  at: number,
  length: number,
): number {
  const room = unsigned(args, at + 1);
  memory.setU32(unsigned(args, at + 2), length);
  if (length > room) tooSmall(length, room);
  return unsigned(args, at);
}

/** `(buf, buf_len, nwritten)` triple. If the buffer is too small, `nwritten` is the size that is needed. */
export const bytes: Output<Uint8Array> = {
  coreTypes: ["i32", "i32", "i32"],
  write({ memory }, args, at, value) {
    memory.setBytes(fit(memory, args, at, value.length), value);
  },
};
/** {@linkcode bytes} of a byte string. */
export const byteString: Output<string> = {
  coreTypes: bytes.coreTypes,
  write({ memory }, args, at, value) {
    memory.setByteString(fit(memory, args, at, value.length), value);
  },
};
/** {@linkcode bytes} of a text, in UTF-8. Short ASCII is written without an array of its own. */
export const text: Output<string> = {
  coreTypes: bytes.coreTypes,
  write(sandbox, args, at, value) {
    if (isShortAscii(value)) byteString.write(sandbox, args, at, value);
    else bytes.write(sandbox, args, at, utf8(value));
  },
};

/** `(octets, nwritten)` pair: a buffer of 16 bytes, of which 4 or 16 are written. */
export const octets: Output<Uint8Array> = {
  coreTypes: ["i32", "i32"],
  write({ memory }, args, at, value) {
    memory.setBytes(unsigned(args, at), value);
    memory.setU32(unsigned(args, at + 1), value.length);
  },
};

/** {@linkcode octets} of an IP address that is given as text; of a text that is none no octets are written. */
export const address: Output<string> = {
  coreTypes: octets.coreTypes,
  write(sandbox, args, at, value) {
    const word = ipv4Word(value);
    if (word === undefined) return octets.write(sandbox, args, at, octetsOf(value) ?? EMPTY);
    sandbox.memory.setU32(unsigned(args, at), word);
    sandbox.memory.setU32(unsigned(args, at + 1), 4);
  },
};

/** `(buf, buf_len, cursor, ending_cursor, nwritten)`: a page of byte strings, each followed by a NUL. */
export const values: Output<readonly string[]> = {
  coreTypes: ["i32", "i32", "i32", "i32", "i32"],
  write({ memory }, args, at, all) {
    const buf = unsigned(args, at);
    const room = unsigned(args, at + 1);
    const cursor = unsigned(args, at + 2);
    const nwritten = unsigned(args, at + 4);
    let used = 0;
    let ending = FINISHED;
    for (let i = cursor; i < all.length; i++) {
      const value = all[i]!;
      const length = value.length + 1;
      if (used + length > room) {
        if (used === 0) {
          memory.setU32(nwritten, length);
          tooSmall(length, room);
        }
        ending = BigInt(i);
        break;
      }
      memory.setByteString(buf + used, value);
      memory.setU8(buf + used + value.length, 0);
      used += length;
    }
    memory.setU32(nwritten, used);
    setCursor(memory, args, at, ending);
  },
  refused({ memory }, args, at) {
    try {
      setCursor(memory, args, at, FINISHED);
    } catch {
      // The refusal may be about this very pointer.
    }
    return undefined;
  },
};

const FINISHED = 0xffff_ffff_ffff_ffffn; // -1

function setCursor(
  memory: { setU64(ptr: number, value: bigint): void },
  args: readonly CoreValue[],
  at: number,
  value: bigint,
): void {
  const ending = unsigned(args, at + 3);
  if (ending) memory.setU64(ending, value);
}

function tooSmall(needed: number, room: number): never {
  refuse("buffer-too-small", `Cannot fit ${needed} bytes in ${room}`);
}

/** New handle of the returned object. */
export function put<T extends object>(_type: HandleClass<T>): Output<T> {
  return {
    coreTypes: ["i32"],
    write: ({ memory, handles }, args, at, item) =>
      memory.setU32(unsigned(args, at), handles.insert(item)),
  };
}

// deno-lint-ignore no-explicit-any -- each output has its own type
type Outputs = Record<string, Output<any>>;
type Results<O extends Outputs> = { [K in keyof O]: O[K] extends Output<infer T> ? T : never };

/** Several results, by name and written in order. */
export function all<O extends Outputs>(outputs: O): Output<Results<O>> {
  const parts = Object.entries(outputs);
  return {
    coreTypes: parts.flatMap(([, { coreTypes }]) => coreTypes),
    write(sandbox, args, at, results) {
      for (const [name, output] of parts) {
        output.write(sandbox, args, at, results[name]);
        at += output.coreTypes.length;
      }
    },
  };
}

/**
 * Output of a body that returns undefined for what it does not know; the call is refused as absent then. That is for
 * questions whose answer is usually absent: to throw takes as long as several answers.
 */
export function known<T>(output: Output<T>): Output<T | undefined> {
  return { ...output, mayBeAbsent: true } as Output<T | undefined>;
}

/** Output that is not written if the value is undefined. */
export function optional<T>(output: Output<T>): Output<T | undefined> {
  return {
    coreTypes: output.coreTypes,
    write(sandbox, args, at, value) {
      if (value !== undefined) output.write(sandbox, args, at, value);
    },
  };
}

/**
 * Output followed by an error code. A refusal in `codes` makes the call succeed and write only the code. A failure of the
 * host that is no refusal has the code `internal`, if there is one.
 */
export function reporting<T>(
  output: Output<T>,
  codes: Readonly<Partial<Record<Refusal | "internal", number>> & { ok: number }>,
): Output<T> {
  const end = output.coreTypes.length;
  return {
    coreTypes: [...output.coreTypes, "i32"],
    write(sandbox, args, at, value) {
      output.write(sandbox, args, at, value);
      u32.write(sandbox, args, at + end, codes.ok);
    },
    refused(sandbox, args, at, error) {
      const code = error instanceof HostError ? codes[error.kind] : codes.internal;
      if (code === undefined) return undefined;
      try {
        u32.write(sandbox, args, at + end, code);
        return XqdStatus.ok;
      } catch (unwritable) {
        return statusOf(unwritable);
      }
    },
  };
}

/** `(response, body)` pair of handles, which are invalid without a reply. */
export const reply: Output<Reply | undefined> = {
  coreTypes: ["i32", "i32"],
  write({ memory, handles }, args, at, reply) {
    const [response, body] = reply
      ? handles.insertBoth(reply.response, reply.body)
      : [INVALID_HANDLE, INVALID_HANDLE];
    memory.setU32(unsigned(args, at), response);
    memory.setU32(unsigned(args, at + 1), body);
  },
};

/**
 * Output preceded by a pointer to a `send_error_detail`, which has the reason of a failure.
 *
 * @param failureOf Returns the failure that a value stands for.
 */
export function detailed<T, V extends T = T>(
  output: Output<T>,
  failureOf?: (value: V) => SendError | undefined,
): Output<V> {
  return {
    coreTypes: ["i32", ...output.coreTypes],
    write(sandbox, args, at, value) {
      output.write(sandbox, args, at + 1, value);
      const error = failureOf?.(value);
      setDetail(sandbox, unsigned(args, at), error?.failure ?? "ok", error);
    },
    refused(sandbox, args, at, error) {
      if (error instanceof SendError) setDetail(sandbox, unsigned(args, at), error.failure, error);
      return undefined;
    },
  };
}

const DETAIL_BYTES = 20;
const DNS_RCODE = 2;
const TLS_ALERT = 8;
const H2_ERROR = 16;

/** Writes the tag, then the fields in the guest's mask. An SDK with an empty mask has a record that ends before them. */
function setDetail(
  { memory }: Sandbox,
  ptr: number,
  failure: SendFailure,
  { dnsRcode, tlsAlert, http2 }: Partial<Pick<SendError, "dnsRcode" | "tlsAlert" | "http2">> = {},
): void {
  if (ptr === 0 || ptr + 8 > memory.size) return;
  memory.setU32(ptr, SEND_FAILURES.indexOf(failure));
  const wanted = ptr + DETAIL_BYTES <= memory.size ? memory.u32(ptr + 4) : 0;
  let filled = 0;
  if (dnsRcode !== undefined && wanted & DNS_RCODE) {
    memory.setU16(ptr + 8, dnsRcode);
    filled |= DNS_RCODE;
  }
  if (tlsAlert !== undefined && wanted & TLS_ALERT) {
    memory.setU8(ptr + 12, tlsAlert);
    filled |= TLS_ALERT;
  }
  if (http2 && wanted & H2_ERROR) {
    memory.setU8(ptr + 13, http2.frame);
    memory.setU32(ptr + 16, http2.code);
    filled |= H2_ERROR;
  }
  if (wanted) memory.setU32(ptr + 4, filled);
}
