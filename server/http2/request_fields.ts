import { HttpVersion, type RequestHead } from "../../service/http/exchange.ts";
import { isName } from "../../service/http/headers.ts";
import { HeaderList } from "../../service/http/headers.ts";
import type { HeadBounds } from "../../service/http/http1/head_parser.ts";
import { isHost } from "../host_field.ts";
import { badMessage, Rejection } from "../../service/http/http1/rejection.ts";

/** Head of a request in HTTP/2, checked. */
export interface Http2RequestHead {
  readonly head: RequestHead;
  /** Path and query as they were sent. */
  readonly target: string;
  /** Content-Length; undefined without it. */
  readonly length: number | undefined;
  /** Whether the client waits for `100 Continue` (RFC 9110, section 10.1.1). */
  readonly expectsContinue: boolean;
  /** Whether it opens a WebSocket (RFC 8441). */
  readonly opensWebSocket: boolean;
}

/** Properties of a connection that the heads of its requests depend on. */
export interface HeadContext {
  readonly scheme: "http" | "https";
  /** Authority of requests that name none. */
  readonly authority: string;
  readonly bounds: HeadBounds;
}

/**
 * Reads the fields of a request (RFC 9113, section 8.3.1). The program sees what it would see in HTTP/1.1: a Host field,
 * one Cookie field, and for a WebSocket the fields of its handshake.
 *
 * @param raw Names and values in the client's order, pseudo-header fields included.
 * @throws {Rejection} If the fields are not those of a valid request.
 */
export function readRequestFields(
  raw: readonly string[],
  { scheme, authority: own, bounds }: HeadContext,
): Http2RequestHead {
  const pseudo: Record<string, string> = Object.create(null);
  const fields: string[] = [];
  let bytes = 0;
  let cookieAt = 0;
  let host: string | undefined;
  let expect: string | undefined;
  let length: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const [name, value] = [raw[i]!, raw[i + 1]!];
    bytes += name.length + value.length + 4;
    if (name.charCodeAt(0) === COLON) pseudo[name] = value;
    else if (name === "host") host = value;
    else if (name === "cookie" && cookieAt) {
      fields[cookieAt] += `; ${value}`; // RFC 9113, section 8.2.3
    } else {
      if (name === "cookie") cookieAt = fields.length + 1;
      else if (name === "expect") expect = value;
      else if (name === "content-length") length = value;
      fields.push(name, value);
    }
  }
  if (bytes > bounds.headBytes) throw new Rejection(431, "The header fields are too large");
  const named = pseudo[":authority"] ?? host;
  if (named !== undefined && named !== "" && !isHost(named)) badMessage("The host is not valid");
  const authority = named || own;
  const target = pseudo[":path"] ?? "";
  if (target.length > bounds.lineBytes) throw new Rejection(414, "The URL is too long");
  const opensWebSocket = pseudo[":protocol"] !== undefined;
  const method = methodOf(pseudo);
  const path = pathOf(method, target);
  const handshake = opensWebSocket ? handshakeFields(fields) : [];
  return {
    head: {
      method,
      url: `${scheme}://${authority}${path}`,
      version: HttpVersion.h2,
      headers: new HeaderList(["host", authority, ...handshake, ...fields]),
    },
    target,
    length: length === undefined ? undefined : Number(length),
    expectsContinue: expectsContinue(expect),
    opensWebSocket,
  };
}

const COLON = 0x3a;

/** Returns the method that the program sees: GET for the handshake of a WebSocket. */
function methodOf(pseudo: Readonly<Record<string, string>>): string {
  const method = pseudo[":method"] ?? "";
  const protocol = pseudo[":protocol"];
  if (!isName(method)) badMessage("The method is not valid");
  if (method !== "CONNECT") {
    if (protocol !== undefined) badMessage("Only CONNECT can have the field :protocol");
    return method;
  }
  if (protocol === undefined) throw new Rejection(501, "CONNECT is not supported");
  if (protocol !== "websocket") {
    throw new Rejection(501, "No protocol but websocket is supported with CONNECT");
  }
  return "GET";
}

function pathOf(method: string, target: string): string {
  if (target === "*" && method === "OPTIONS") return "/*";
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(target)) badMessage("The path is not valid");
  return target;
}

/** Returns the fields that a handshake in HTTP/1.1 has (RFC 6455, section 4.1) and one in HTTP/2 leaves out. */
function handshakeFields(fields: readonly string[]): string[] {
  const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
  const has = (name: string) => fields.some((field, at) => at % 2 === 0 && field === name);
  return [
    ...["connection", "Upgrade", "upgrade", "websocket"],
    ...has("sec-websocket-key") ? [] : ["sec-websocket-key", key],
    ...has("sec-websocket-version") ? [] : ["sec-websocket-version", "13"],
  ];
}

function expectsContinue(expect: string | undefined): boolean {
  if (expect === undefined) return false;
  if (expect.toLowerCase() === "100-continue") return true;
  throw new Rejection(417, "Only 100-continue can be expected");
}
