// @ts-types="./std_cookie.d.ts"
import { getSetCookies } from "npm:deno-std@1.4.0/http/cookie.js";

/** Cookie that a response has set (RFC 6265). */
interface StoredCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  /** Whether the cookie is sent to that host only, and not to subdomains. */
  readonly hostOnly: boolean;
  readonly path: string;
  readonly secure: boolean;
  /** Expiry in milliseconds since 1970; `Infinity` for a session cookie. */
  readonly expires: number;
}

/** Cookies of one client. */
export class CookieJar {
  readonly #now: () => number;
  #cookies: StoredCookie[] = [];

  /** @param now Returns the time in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Returns the Cookie field for a request; undefined if there is no cookie to send. */
  fieldFor(url: URL): string | undefined {
    const now = this.#now();
    const sent = this.#cookies
      .filter((cookie) =>
        cookie.expires > now && (!cookie.secure || url.protocol === "https:") &&
        fitsDomain(cookie, url.hostname) && fitsPath(cookie.path, url.pathname)
      )
      .sort((a, b) => b.path.length - a.path.length); // RFC 6265, 5.4
    return sent.map(({ name, value }) => `${name}=${value}`).join("; ") || undefined;
  }

  /** Stores the cookies of a response. Cookies for other domains are ignored. */
  store(url: URL, headers: Headers): void {
    const now = this.#now();
    for (const cookie of getSetCookies(headers)) {
      if (!cookie.name) continue; // RFC 6265, 5.2
      const domain = (cookie.domain || url.hostname).toLowerCase().replace(/^\./, "");
      const hostOnly = !cookie.domain;
      if (!hostOnly && !fitsDomain({ domain, hostOnly }, url.hostname)) continue;
      if (cookie.secure && url.protocol !== "https:") continue;
      const path = cookie.path?.startsWith("/") ? cookie.path : defaultPath(url.pathname);
      const { name, value, maxAge, expires } = cookie;
      this.#cookies = this.#cookies.filter((one) =>
        one.name !== name || one.domain !== domain || one.path !== path
      );
      const until = maxAge !== undefined
        ? now + maxAge * 1000
        : expires === undefined
        ? Infinity
        : Number(expires);
      if (!(until > now)) continue; // an expired cookie deletes the stored one
      const secure = cookie.secure === true;
      this.#cookies.push({ name, value, domain, hostOnly, path, secure, expires: until });
    }
  }
}

function fitsDomain(
  { domain, hostOnly }: Pick<StoredCookie, "domain" | "hostOnly">,
  host: string,
): boolean {
  return host === domain || (!hostOnly && host.endsWith(`.${domain}`));
}

function fitsPath(path: string, requested: string): boolean {
  return requested === path ||
    requested.startsWith(path.endsWith("/") ? path : `${path}/`);
}

function defaultPath(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
