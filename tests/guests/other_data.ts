/** A copy of a program with another text of the same length in its data. */
export function withText(
  bytes: Uint8Array<ArrayBuffer>,
  from: string,
  to: string,
): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(from);
  const at = bytes.findIndex((_, i) => text.every((byte, j) => bytes[i + j] === byte));
  if (at < 0 || to.length !== from.length) throw new Error(`Cannot replace "${from}" by "${to}"`);
  const other = bytes.slice();
  other.set(new TextEncoder().encode(to), at);
  return other;
}
