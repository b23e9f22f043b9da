import { createHash } from "node:crypto";
import type { HeaderList } from "../headers.ts";

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

function wholeUrl({ url, headers }: Target): string {
  const host = headers.get("host");
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;
  return host === undefined
    ? url
    : url.replace(path, (origin) =>
      `${origin.slice(0, origin.indexOf("://"))}://${host.toLowerCase()}`);
}
