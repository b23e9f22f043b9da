import { refuse } from "../errors.ts";

/** A URI in its parts, each as it was spelled. */
export interface UrlParts {
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
  readonly path: string;
  /** With its question mark; empty when there is none. */
  readonly query: string;
}

const PARTS = /^(?:([a-z][a-z0-9+.-]*):\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?/i;
// Bytes that no URI has: controls, space, DEL, and < > ` which must be encoded.
const FORBIDDEN = /[\0-\x20<>`\x7f]/;

/** Takes a URI apart without changing any of it, unlike `URL`. A fragment is left out. */
export function splitUrl(url: string): UrlParts {
  const [, scheme, authority, path = "", query = ""] = PARTS.exec(url) ?? [];
  return { scheme: scheme?.toLowerCase(), authority, path, query };
}

/** Refuses what cannot be a request's URI: absolute, a path, or `*`. */
export function checkUrl(url: string): string {
  const wellFormed = url !== "" && !FORBIDDEN.test(url) &&
    (url.startsWith("/") || url === "*" || /^[a-z][a-z0-9+.-]*:\/\/[^/?#]+/i.test(url) ||
      /^[^/?#:]+(:\d+)?$/.test(url));
  return wellFormed ? url : refuse("failed", `Cannot use ${JSON.stringify(url)} as a URI`);
}

/** The URL that a WebSocket's handshake goes to: `ws` is `http`, `wss` is `https` (RFC 6455, section 3). Others stay. */
export function handshakeUrl(url: string): string {
  return url.replace(/^ws(s?:\/\/)/i, "http$1");
}
