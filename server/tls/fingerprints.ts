import { Buffer } from "node:buffer";
import type { ClientHello } from "./client_hello.ts";
import { builtin } from "../../service/util/builtins.ts";
import { sha256 } from "../../service/util/digest.ts";

const SERVER_NAME = 0;
const ALPN = 16;

/**
 * Returns the JA3 fingerprint of a ClientHello: version, ciphers, extensions, groups and point formats in decimal and in
 * the client's order, without GREASE (RFC 8701), as an MD5 digest in hexadecimal
 * (https://github.com/salesforce/ja3).
 */
export function ja3Of(hello: ClientHello): string {
  const lists = [hello.ciphers, hello.extensions, hello.groups, hello.pointFormats];
  const text = [hello.version, ...lists.map((list) => withoutGrease(list).join("-"))].join(",");
  return builtin("node:crypto").createHash("md5").update(text).digest("hex");
}

/**
 * Returns the JA4 fingerprint of a ClientHello over TCP: version, server name, counts and first protocol; then digests
 * of the ciphers and of the extensions, which are sorted, with the signature algorithms, which are not
 * (https://github.com/FoxIO-LLC/ja4, technical details of JA4).
 */
export function ja4Of(hello: ClientHello): string {
  const ciphers = withoutGrease(hello.ciphers);
  const extensions = withoutGrease(hello.extensions);
  const head = "t" + versionOf(hello) + (extensions.includes(SERVER_NAME) ? "d" : "i") +
    countOf(ciphers) + countOf(extensions) + alpnOf(hello.alpn);
  const others = extensions.filter((type) => type !== SERVER_NAME && type !== ALPN);
  const signatures = withoutGrease(hello.signatures).map(hex);
  const described = [sorted(others), ...signatures.length ? [signatures.join(",")] : []].join("_");
  const second = extensions.length ? digest(described) : NO_DIGEST;
  return `${head}_${ciphers.length ? digest(sorted(ciphers)) : NO_DIGEST}_${second}`;
}

const NO_DIGEST = "000000000000";
const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0304, "13"],
  [0x0303, "12"],
  [0x0302, "11"],
  [0x0301, "10"],
  [0x0300, "s3"],
  [0x0002, "s2"],
]);

function versionOf({ version, versions }: ClientHello): string {
  return VERSIONS.get(Math.max(...withoutGrease(versions.length ? versions : [version]))) ?? "00";
}

function countOf(list: readonly number[]): string {
  return String(Math.min(list.length, 99)).padStart(2, "0");
}

/** First and last character of the protocol, or those of its bytes in hexadecimal if one is neither letter nor digit. */
function alpnOf(alpn: string | undefined): string {
  if (!alpn) return "00";
  const [first, last] = [alpn[0]!, alpn.at(-1)!];
  if (/^[0-9A-Za-z]{2}$/.test(first + last)) return first + last;
  const bytes = Buffer.from(alpn, "latin1").toString("hex");
  return bytes[0]! + bytes.at(-1)!;
}

function sorted(list: readonly number[]): string {
  return list.map(hex).sort().join(",");
}

function hex(number: number): string {
  return number.toString(16).padStart(4, "0");
}

function digest(text: string): string {
  return sha256().update(text).digest("hex").slice(0, 12);
}

/** GREASE values have two equal bytes that end in `a` (RFC 8701, section 2). */
function withoutGrease(list: readonly number[]): number[] {
  return list.filter((value) => !((value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)));
}
