const encoder = new TextEncoder();
/** Longest text that is looked through in JavaScript, in UTF-16 units. */
const MAX_SHORT = 256;

/** Whether each character of a text is one byte of UTF-8; false for long texts, which are not looked through. */
export function isShortAscii(text: string): boolean {
  const { length } = text;
  if (length > MAX_SHORT) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Encodes a text in UTF-8; short ASCII text without a call of the platform's encoder. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  if (!isShortAscii(text)) return encoder.encode(text);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
