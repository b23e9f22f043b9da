import { isIPv6 } from "node:net";

/**
 * Common hosts: names whose last label begins with a letter, and IPv4 addresses, with or without a port. Names with a label
 * in Punycode are not among them, which a URL parser may refuse.
 */
const COMMON_HOST =
  /^(?!(?:[^:]*\.)?[Xx][Nn]--)(?:(?:[A-Za-z0-9_-]+\.)*[A-Za-z][A-Za-z0-9_-]*|(?:(?:1?\d?\d|2[0-4]\d|25[0-5])\.){3}(?:1?\d?\d|2[0-4]\d|25[0-5]))(?::(?:\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}))?$/;
/** reg-name of RFC 3986, section 3.2.2, without percent-encoding, or IP-literal in brackets; then a port. */
const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9\-._~!$&'()*+,;=]+)(?::(\d{0,5}))?$/;

/**
 * Whether a text is `uri-host [":" port]` (RFC 9110, section 7.2) that a guest's URL parser accepts, too.
 * Percent-encoding is refused: no client sends it, and decoded it could contain any byte.
 */
export function isHost(host: string): boolean {
  if (COMMON_HOST.test(host)) return true;
  const [match, ipv6, port] = AUTHORITY.exec(host) ?? [];
  if (match === undefined || Number(port ?? 0) > 65_535) return false;
  if (ipv6 !== undefined && !isIPv6(ipv6)) return false;
  return URL.canParse(`http://${host}/`);
}
