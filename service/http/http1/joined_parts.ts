import { Buffer } from "node:buffer";

/**
 * Joins the parts of a message.
 *
 * @param parts Bytes, or text of which each character is a byte.
 * @param size Size of all parts, in bytes.
 */
export function joinedParts(parts: readonly (string | Uint8Array)[], size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const part of parts) {
    if (typeof part === "string") writeText(bytes, at, part);
    else bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const ENCODER = new TextEncoder();

/** Writes text of which each character is a byte. The encoder is quicker than `latin1`, and right for ASCII. */
function writeText(bytes: Buffer, at: number, text: string): void {
  const { read, written } = ENCODER.encodeInto(text, at ? bytes.subarray(at) : bytes);
  if (read !== text.length || written !== text.length) bytes.write(text, at, "latin1");
}
