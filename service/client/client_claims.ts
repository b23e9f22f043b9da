import { HeaderList } from "../http/headers.ts";

/**
 * Fields in which Fastly's network tells programs of a request, or SDKs the host: whether it came over TLS, whether
 * another cache of Fastly's sent it, what it is cached under. A client has no say in that.
 */
const CLAIM = /^fastly-(?:ssl|ff|xqd-.*)$/i;

/** A copy of a client's fields without those. */
export function withoutClaims(headers: HeaderList): HeaderList {
  const { raw } = headers;
  for (let i = 0; i < raw.length; i += 2) if (CLAIM.test(raw[i]!)) return filtered(raw);
  return headers.copy();
}

function filtered(raw: readonly string[]): HeaderList {
  return new HeaderList(raw.filter((_, i) => !CLAIM.test(raw[i & ~1]!)));
}
