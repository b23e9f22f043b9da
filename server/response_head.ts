import type { ResponseHead } from "../service/http/exchange.ts";
import { fieldLine, fieldLines } from "../service/http/http1/field_lines.ts";
import type { Http1Framing } from "../service/http/http1_framing.ts";
import { REASON_PHRASES } from "./reason_phrases.ts";

/** Bit set of the lengths of the names that the writer may leave out. */
const DROPPED_LENGTHS = [
  "trailer",
  "connection",
  "keep-alive",
  "content-length",
  "proxy-connection",
  "transfer-encoding",
].reduce((bits, { length }) => bits | 1 << length, 0);

/**
 * Returns the text of a final response's head, with a Date field if the guest gives none (RFC 9110, section 6.6.1).
 *
 * @param connection First option of the Connection field.
 * @param keepAlive Seconds after which an idle connection is closed.
 * @throws {TypeError} If the name or the value of a field is not valid.
 */
export function headText(
  { status, headers }: ResponseHead,
  fields: Http1Framing,
  connection: "close" | "keep-alive",
  keepAlive: number,
): string {
  const { raw } = headers;
  let text = statusLine(status);
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const { length } = name;
    const mayDrop = length < 18 && DROPPED_LENGTHS >> length & 1;
    if (mayDrop && fields.dropped.has(name.toLowerCase())) continue;
    text += fieldLine(name, raw[i + 1]!);
  }
  text += fields.added;
  if (!fields.dated) text += dateLine();
  const last = `Connection: ${connection}${fields.options}\r\n`;
  return connection === "keep-alive"
    ? `${text}${last}Keep-Alive: timeout=${keepAlive}\r\n\r\n`
    : `${text}${last}\r\n`;
}

/** Returns the text of the head of an informational response, or of one that changes protocols, with its fields unchanged. */
export function informationalText({ status, headers }: ResponseHead): string {
  return `${statusLine(status)}${fieldLines(headers.raw)}\r\n`;
}

/** Returns a complete response with one line of text, after which the connection closes. */
export function plainResponse(status: number, message: string): string {
  const retry = status === 503 ? "Retry-After: 1\r\n" : "";
  return `${statusLine(status)}Content-Type: text/plain; charset=utf-8\r\n` +
    `Content-Length: ${message.length + 1}\r\n${retry}Connection: close\r\n\r\n${message}\n`;
}

function statusLine(status: number): string {
  const reason = status === 200 ? "OK" : REASON_PHRASES[status] ?? "";
  return `HTTP/1.1 ${status} ${reason}\r\n`;
}

/** Time of `dateField`, in seconds since 1970. */
let dateSecond = 0;
let dateField = "";

/** Returns the Date field of now, which is formatted once a second. */
function dateLine(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== dateSecond) {
    dateSecond = now;
    dateField = `Date: ${new Date(now * 1000).toUTCString()}\r\n`;
  }
  return dateField;
}
