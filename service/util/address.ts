/** Number of addresses whose octets are kept, since a request asks for those of its connections several times. */
const MAX_KEPT = 256;
const kept = new Map<string, Uint8Array>();

/**
 * Parses an IPv4 or IPv6 address.
 *
 * @returns 4 or 16 octets, 4 for an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2), which must not be changed;
 *          undefined for other text.
 */
export function octetsOf(address: string): Uint8Array | undefined {
  const octets = kept.get(address);
  if (octets) return octets;
  const parsed = parse(address);
  if (kept.size >= MAX_KEPT) kept.clear();
  if (parsed) kept.set(address, parsed);
  return parsed;
}

function parse(address: string): Uint8Array | undefined {
  if (!address.includes(":")) return ipv4(address);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped ? ipv4(mapped[1]!) : ipv6(address);
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
  const parts = text.split(".");
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || +part > 255)) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
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
