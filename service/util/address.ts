/**
 * Parses an IPv4 or IPv6 address.
 *
 * @returns 4 or 16 octets, 4 for an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2);
 *   undefined for other text.
 */
export function octetsOf(address: string): Uint8Array | undefined {
  if (!address.includes(":")) return ipv4(address);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped ? ipv4(mapped[1]!) : ipv6(address);
}

const [DOT, ZERO, NINE] = [46, 48, 57];
/** Bits by which the last of four octets is shifted. */
const LAST_SHIFT = 24;

/**
 * Parses an IPv4 address without an array for its octets.
 *
 * @returns The octets as a number of 32 bits, the first as its lowest byte; undefined for other text.
 */
export function ipv4Word(text: string): number | undefined {
  let word = 0;
  let shift = 0;
  let octet = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT && digits && shift < LAST_SHIFT) {
      word |= octet << shift;
      shift += 8;
      octet = digits = 0;
      continue;
    }
    octet = octet * 10 + code - ZERO;
    if (code < ZERO || code > NINE || ++digits > 3 || octet > 255) return undefined;
  }
  return shift === LAST_SHIFT && digits ? (word | octet << shift) >>> 0 : undefined;
}

/** Whether a text is a loopback address: 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  const octets = octetsOf(address);
  if (octets?.length === 4) return octets[0] === 127;
  return octets !== undefined && octets[15] === 1 && octets.subarray(0, 15).every((byte) => !byte);
}

/** Formats 4 or 16 octets as an address; IPv6 in its canonical form (RFC 5952). */
export function addressOf(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(i * 2).toString(16));
  const text = groups.join(":");
  let [longest, at] = ["", 0];
  for (const { 0: run, index } of text.matchAll(/\b0(:0)+\b/g)) {
    if (run.length > longest.length) [longest, at] = [run, index];
  }
  if (!longest) return text;
  return `${text.slice(0, at).replace(/:$/, "")}::${
    text.slice(at + longest.length).replace(/^:/, "")
  }`;
}

function ipv4(text: string): Uint8Array | undefined {
  const word = ipv4Word(text);
  return word === undefined ? undefined : Uint8Array.from([0, 8, 16, 24], (bits) => word >>> bits);
}

function ipv6(text: string): Uint8Array | undefined {
  const halves = text.split("%")[0]!.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => half ? half.split(":") : []);
  const missing = 8 - head!.length - (tail?.length ?? 0);
  if (tail ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head!, ...Array(missing).fill("0"), ...tail ?? []];
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return Uint8Array.from(
    groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]),
  );
}
