import type { HeaderList } from "../../http/headers.ts";
import { splitUrl } from "../../http/url.ts";
import { sha256 } from "../../util/digest.ts";
import { fromHex } from "../../util/hex.ts";

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
  return fromHex(urlDigest(target));
}

/** Returns the surrogate key that every object of a URL has: 64 hexadecimal digits. */
export function defaultSurrogateKey(target: Target): string {
  return sha256().update("url ").update(wholeUrl(target)).digest("hex");
}

/**
 * Returns the key in the cache of a response to a request, which is separate for each service and each backend.
 *
 * @param owner Service on whose behalf the request is made; undefined for the guest's own.
 * @param backend Name of the backend, as keys have it; undefined if there is none.
 */
export function requestKey(
  target: Target,
  owner: string | undefined,
  backend: string | undefined,
): string {
  return `http:${owner ?? ""}\0${backend ?? ""}\0${urlDigest(target)}`;
}

/**
 * Returns the key in the cache for a key that the guest has chosen, which backends share.
 *
 * @param owner As for {@linkcode requestKey}.
 */
export function chosenKey(key: Uint8Array, owner: string | undefined): string {
  return `http:${owner ?? ""}\0\0${String.fromCharCode(...key)}`;
}

/** In hexadecimal digits: Deno returns those sooner than bytes. */
function urlDigest(target: Target): string {
  return sha256().update(wholeUrl(target)).digest("hex");
}

function wholeUrl({ url, headers }: Target): string {
  const { scheme = "http", authority = "", path, query } = splitUrl(url);
  const host = headers.get("host") ?? authority;
  return `${scheme}://${host.toLowerCase()}${path || "/"}${query}`;
}
