import { refuse } from "../errors.ts";

/** Parts of a URI, each as it was written. */
interface UrlParts {
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
  readonly path: string;
  /** Query with its question mark; empty if there is none. */
  readonly query: string;
}

const PARTS = /^(?:([a-z][a-z0-9+.-]*):\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?/i;
// Characters that no URI has: controls, space, DEL, and < > ` which must be encoded.
const FORBIDDEN = /[\0-\x20<>`\x7f]/;

/** Splits a URI without normalizing it, unlike `URL`. The fragment is left out. */
export function splitUrl(url: string): UrlParts {
  const [, scheme, authority, path = "", query = ""] = PARTS.exec(url) ?? [];
  return { scheme: scheme?.toLowerCase(), authority, path, query };
}

/**
 * Returns a request's URI: absolute, a path, `*`, or host and port.
 *
 * @throws {HostError} (`failed`) If it is none of these.
 */
export function checkUrl(url: string): string {
  const wellFormed = url !== "" && !FORBIDDEN.test(url) &&
    (url.startsWith("/") || url === "*" || /^[a-z][a-z0-9+.-]*:\/\/[^/?#]+/i.test(url) ||
      /^[^/?#:]+(:\d+)?$/.test(url));
  return wellFormed ? url : refuse("failed", `Cannot use ${JSON.stringify(url)} as a URI`);
}

/** Returns the URL of a WebSocket's handshake: `http` for `ws`, `https` for `wss` (RFC 6455, section 3). Other URLs stay. */
export function handshakeUrl(url: string): string {
  return url.replace(/^ws(s?:\/\/)/i, "http$1");
}
