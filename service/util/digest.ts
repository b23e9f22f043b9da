import type { Hash } from "node:crypto";
import { builtin } from "./builtins.ts";
import { toHex } from "./hex.ts";

/** Returns the SHA-256 digest of bytes in hexadecimal digits, made on a thread of its own: for whole programs. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Returns one digest of bytes in pieces, without joining them. The same bytes in other pieces have another digest. */
export async function digestOfPieces(
  pieces: readonly Uint8Array<ArrayBuffer>[],
): Promise<string> {
  const digests = await Promise.all(pieces.map((piece) => crypto.subtle.digest("SHA-256", piece)));
  return await digestOf(await new Blob(digests).bytes());
}

/** Begins a SHA-256 digest of short texts, which is made at once, or of bytes that come in pieces. */
export function sha256(): Hash {
  return builtin("node:crypto").createHash("sha256");
}
