const encoder = new TextEncoder();
/** Longest text that is encoded in JavaScript, in UTF-16 units. */
const MAX_SHORT = 256;

/** Encodes a text in UTF-8; short ASCII text without a call of the platform's encoder. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  const { length } = text;
  if (length > MAX_SHORT) return encoder.encode(text);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return encoder.encode(text);
    bytes[i] = code;
  }
  return bytes;
}
