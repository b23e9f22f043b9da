const encoder = new TextEncoder();
/** For what is longer, the platform's encoder is the faster one. */
const MAX_SHORT = 256;

/** The bytes of a text in UTF-8. Short ASCII, which most is, without a call into the platform. */
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
