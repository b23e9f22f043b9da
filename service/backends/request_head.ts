import type { Buffer } from "node:buffer";
import { SendError } from "../errors.ts";
import { isWhole } from "../http/bytes.ts";
import { fieldLine } from "../http/http1/field_lines.ts";
import { itemsOf } from "../http/http1/list_fields.ts";
import { joinedParts } from "../http/http1/joined_parts.ts";
import type { BackendRequest } from "./transport.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Bytes that a request target may not have. */
const NO_TARGET_BYTE = /[^\x21-\xff]/;
const CONNECTION = "connection";

/** A request's head, and short content, as bytes for the connection. */
export interface RenderedHead {
  readonly bytes: Buffer;
  /** Whether the request allows the connection to persist (RFC 9112, section 9.3). */
  readonly persists: boolean;
  /** Pieces of whole content, with the framing of its coding, that follow the bytes; empty if these have it. */
  readonly behind: readonly (string | Uint8Array)[];
}

/**
 * Renders a request's head, with its fields as they are. It gets a Connection field if it has none.
 *
 * @param keeps Whether the connection is kept for another request.
 * @param maxCopied Maximum size of whole content, with its framing, that is put behind the head, in bytes.
 * @throws {SendError} If the method, the target or a field cannot be sent.
 */
export function renderHead(
  { method, target, headers, body }: BackendRequest,
  keeps: boolean,
  maxCopied: number,
): RenderedHead {
  if (NO_TARGET_BYTE.test(target)) {
    fail("http_request_uri_invalid", "the path has characters that cannot be sent");
  }
  if (!TOKEN.test(method)) fail("http_protocol_error", "the method cannot be sent");
  const { raw } = headers;
  let text = `${method} ${target} HTTP/1.1\r\n`;
  let persists = keeps;
  let isSet = false;
  try {
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!;
      const value = raw[i + 1]!;
      text += fieldLine(name, value);
      if (name.length !== CONNECTION.length || name.toLowerCase() !== CONNECTION) continue;
      isSet = true;
      if (itemsOf(value).includes("close")) persists = false;
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    fail("http_protocol_error", "a header field cannot be sent", error);
  }
  if (!isSet) text += keeps ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  text += "\r\n";
  const content = isWhole(body) ? contentParts(body, headers.has("transfer-encoding")) : [];
  const parts = [text, ...content];
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size <= text.length + maxCopied) {
    return { bytes: joinedParts(parts, size), persists, behind: [] };
  }
  return { bytes: joinedParts([text], text.length), persists, behind: content };
}

/** Returns whole content as it is sent: as it is, or as one chunk and the last chunk (RFC 9112, section 7.1). */
function contentParts(body: Uint8Array, chunked: boolean): (string | Uint8Array)[] {
  if (!chunked) return body.length ? [body] : [];
  return body.length ? [`${body.length.toString(16)}\r\n`, body, "\r\n0\r\n\r\n"] : ["0\r\n\r\n"];
}

function fail(
  failure: "http_request_uri_invalid" | "http_protocol_error",
  state: string,
  cause?: unknown,
): never {
  throw new SendError(failure, `Cannot send the request: ${state}`, { cause });
}
