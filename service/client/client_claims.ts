import { HeaderList } from "../http/headers.ts";

/**
 * Request fields that only Fastly's network and SDKs may set: whether the request came over TLS (`fastly-ssl`), whether
 * another Fastly cache sent it (`fastly-ff`), its cache key (`fastly-xqd-…`). A client could forge them.
 */
const CLAIM = /^fastly-(?:ssl|ff|xqd-.*)$/i;

/** Returns a copy of a client's fields without them. */
export function withoutClaims(headers: HeaderList): HeaderList {
  const { raw } = headers;
  for (let i = 0; i < raw.length; i += 2) if (CLAIM.test(raw[i]!)) return filtered(raw);
  return headers.copy();
}

function filtered(raw: readonly string[]): HeaderList {
  return new HeaderList(raw.filter((_, i) => !CLAIM.test(raw[i & ~1]!)));
}
