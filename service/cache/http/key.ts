import { createHash } from "node:crypto";
import type { HeaderList } from "../../http/headers.ts";
import { splitUrl } from "../../http/url.ts";

/** What a request asks for. */
export interface Target {
  readonly url: string;
  readonly headers: HeaderList;
}

/**
 * The key of what a request asks for: 32 bytes, made of the URL with the host that the request names. The method is not
 * part of it: a HEAD is answered by what a GET has brought.
 */
export function suggestedKey(target: Target): Uint8Array {
  return createHash("sha256").update(wholeUrl(target), "latin1").digest();
}

/** A surrogate key that every object of a URL has: 64 hexadecimal digits. */
export function defaultSurrogateKey(target: Target): string {
  return createHash("sha256").update("url ").update(wholeUrl(target), "latin1").digest("hex");
}

/**
 * The cache's own key: what one service has cached is not another's, nor what one backend answers another backend's.
 *
 * @param owner On whose behalf, if not the service's own.
 * @param backend By name; undefined where the guest has chosen the key, and backends may share it.
 */
export function httpKey(
  key: Uint8Array,
  owner: string | undefined,
  backend: string | undefined,
): string {
  return `http:${owner ?? ""}\0${backend ?? ""}\0${String.fromCharCode(...key)}`;
}

function wholeUrl({ url, headers }: Target): string {
  const { scheme = "http", authority = "", path, query } = splitUrl(url);
  const host = headers.get("host") ?? authority;
  return `${scheme}://${host.toLowerCase()}${path || "/"}${query}`;
}
