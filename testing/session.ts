// @ts-types="./std_cookie.d.ts"
import { getSetCookies } from "npm:deno-std@1.4.0/http/cookie.js";

/** A cookie that a response has set, for the requests that it belongs to (RFC 6265). */
interface StoredCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  /** Whether it is for that host alone. */
  readonly hostOnly: boolean;
  readonly path: string;
  readonly secure: boolean;
  /** Milliseconds since 1970; `Infinity` for the time of the session. */
  readonly expires: number;
}

/** The cookies of one client: what responses set comes back with the requests that it belongs to. */
export class CookieJar {
  readonly #now: () => number;
  #cookies: StoredCookie[] = [];

  /** @param now The time in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The Cookie field for a request; undefined if there is none to send. */
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

  /** Takes in the cookies of a response. Those for other domains are ignored. */
  store(url: URL, headers: Headers): void {
    const now = this.#now();
    for (const cookie of getSetCookies(headers)) {
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
      if (!(until > now)) continue; // that is how cookies are deleted
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
