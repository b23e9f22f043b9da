import type { HeaderList } from "../../http/headers.ts";
import { splitUrl } from "../../http/url.ts";
import { sha256 } from "../../util/digest.ts";

/** Parts of a request from which its cache key is made. */
export interface Target {
  readonly url: string;
  readonly headers: HeaderList;
}

/**
 * Returns the cache key that the host suggests: a SHA-256 digest of the URL with the host of the Host field. The method
 * is not part of it, since a HEAD is answered from the response to a GET.
 */
export function suggestedKey(target: Target): Uint8Array {
  return sha256().update(wholeUrl(target), "latin1").digest();
}

/** Returns the surrogate key that every object of a URL has: 64 hexadecimal digits. */
export function defaultSurrogateKey(target: Target): string {
  return sha256().update("url ").update(wholeUrl(target), "latin1").digest("hex");
}

/**
 * Returns the key in the cache, which is separate for each service and each backend.
 *
 * @param owner Service on whose behalf the request is made; undefined for the guest's own.
 * @param backend Name of the backend; undefined for a key that the guest has chosen, which backends share.
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
