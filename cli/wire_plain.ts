import type { Buffer } from "node:buffer";
import { isHost } from "./host.ts";

/** A request that has a head and nothing else, and whose head asks nothing of the connection. */
export interface PlainRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** The fields as `[name, value, …]`. */
  readonly raw: readonly string[];
}

/** Longer heads are node's to read. */
const MOST_BYTES = 16 * 1024;
const REQUEST_LINE = /^(GET|HEAD|DELETE|OPTIONS) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// deno-lint-ignore no-control-regex -- what RFC 9110 forbids in a field value
const FORBIDDEN = /[\0-\x08\x0a-\x1f\x7f]/;
const END = "\r\n\r\n";
/** Fields that decide on more than the request itself. */
const SPECIAL: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Reads what has come on a connection if it is one plain request from beginning to end. For whatever else it may be,
 * an error included, it answers nothing: that is a parser's to tell.
 */
export function readPlainRequest(chunk: Buffer): PlainRequest | undefined {
  const { length } = chunk;
  if (length > MOST_BYTES) return undefined;
  const text = chunk.toString("latin1");
  if (text.indexOf(END) !== length - END.length) return undefined;
  const lineEnd = text.indexOf("\r\n");
  const line = REQUEST_LINE.exec(text.slice(0, lineEnd));
  if (!line) return undefined;
  const raw: string[] = [];
  let host: string | undefined;
  for (let at = lineEnd + 2; at < length - 2;) {
    const end = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    if (colon < 0 || colon > end) return undefined;
    const name = text.slice(at, colon);
    const value = trimmed(text, colon + 1, end);
    if (!NAME.test(name) || FORBIDDEN.test(value)) return undefined;
    const key = name.toLowerCase();
    if (SPECIAL.has(key) && !saysNothing(key, value)) return undefined;
    if (key === "host") {
      if (host !== undefined) return undefined;
      host = value;
    }
    raw.push(name, value);
    at = end + 2;
  }
  if (!host || !isHost(host)) return undefined;
  return { method: line[1]!, target: line[2]!, host, raw };
}

/** Browsers say that the connection is to stay open, as it would anyway. */
function saysNothing(key: string, value: string): boolean {
  return key === "connection" && value.toLowerCase() === "keep-alive";
}

/** A part of a text without the spaces and tabs around it. */
function trimmed(text: string, from: number, to: number): string {
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
