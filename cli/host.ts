import type { IncomingMessage } from "node:http";

const HOST = /^[^\s/?#@\\<>"^`{|}]*$/;

/** Whether a Host field can stand in a URL. */
export function isHost(host: string): boolean {
  return HOST.test(host);
}

const AUTHORITY = /^[a-z][a-z0-9+.\-]*:\/\/([^/?#]*)/i;

/**
 * What is wrong with a head that node lets through and RFC 9112 does not: a proxy before this server may read it in
 * another way. Undefined if nothing is.
 */
export function flawOf(
  { headers, rawHeaders, url, httpVersion }: IncomingMessage,
): string | undefined {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  if (hosts > 1) return "There is more than one Host field";
  if (!isHost(headers.host ?? "")) return "The Host field is not valid";
  const authority = url!.startsWith("/") ? undefined : AUTHORITY.exec(url!)?.[1];
  if (authority !== undefined && !(authority && isHost(authority))) {
    return "The target's host is not valid";
  }
  if (httpVersion === "1.0" && headers["transfer-encoding"] !== undefined) {
    return "HTTP/1.0 has no transfer codings";
  }
}
