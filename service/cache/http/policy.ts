/**
 * Rules for storing a response: RFC 9111 for a shared cache, with `Surrogate-Control` and the defaults of Fastly
 * (https://www.fastly.com/documentation/guides/concepts/cache/cache-freshness/).
 *
 * @module
 */
import type { Lifetime } from "../lifetime.ts";
import { ANY_REQUEST, type VaryRule } from "../vary.ts";
import { type HeaderList, isName } from "../../http/headers.ts";
import { httpDate } from "./date.ts";
import {
  type Controls,
  controlsOf,
  type Directives,
  MAX_SECONDS,
  secondsOf,
  wholeSeconds,
} from "./directives.ts";

/** The parts of a response that decide. */
interface ResponseFacts {
  readonly status: number;
  readonly headers: HeaderList;
}

/**
 * Action for a backend's response: insert an object; update the head of the stored one; store nothing; or store a mark
 * with which such requests pass the cache for a while.
 */
export type StorageAction = "insert" | "update" | "do-not-store" | "record-uncacheable";

/** Statuses whose responses are stored without explicit freshness. */
const KEPT_BY_DEFAULT: ReadonlySet<number> = new Set([200, 203, 300, 301, 302, 404, 410]);
/** Final statuses (RFC 9110, section 15) whose caching rules are implemented here. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ...[200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415, 417, 421, 422, 426],
  ...[500, 501, 502, 503, 504, 505],
]);
/** Lifetime without explicit freshness, in seconds. */
const DEFAULT_AGE = 3600;
/** Shortest time for which requests pass, in seconds. */
const MIN_PASS = 120;
const NANOSECONDS = 1_000_000_000n;

/** Whether requests with the method go through the cache. */
export function isCacheableMethod(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/**
 * Whether the fields of a request declare content. The response may depend on it, so that the cache neither answers such a
 * request nor stores its response.
 */
export function showsContent(request: HeaderList): boolean {
  return request.has("transfer-encoding") ||
    request.getAll("content-length").some((length) => !/^\s*0+\s*$/.test(length));
}

/** Returns the action for a response to an unconditional request (RFC 9111, section 3). */
export function storageAction(request: HeaderList, response: ResponseFacts): StorageAction {
  const { status, headers } = response;
  if (status < 200 || status === 206 || status === 304) return "do-not-store";
  const controls = controlsOf(headers);
  const { control, surrogate } = controls;
  const forSurrogates = surrogate.has("max-age");
  const understood = UNDERSTOOD.has(status);
  if (control.has("must-understand") && !understood && !forSurrogates) return "do-not-store";
  // RFC 9111, section 5.2.2.3: with must-understand and a known status, no-store does not apply to this cache.
  const forbidden = control.has("no-store") && !(control.has("must-understand") && understood);
  if (
    control.has("private") || surrogate.has("private") || surrogate.has("no-store") ||
    (forbidden && !forSurrogates) ||
    headers.has("set-cookie") || varyRuleOf(headers) === undefined
  ) return "record-uncacheable";
  const shared = forSurrogates || control.has("public") || control.has("s-maxage") ||
    control.has("must-revalidate");
  if (request.has("authorization") && !shared) return "do-not-store";
  return explicitAge(headers, controls, 0) !== undefined || KEPT_BY_DEFAULT.has(status)
    ? "insert"
    : "do-not-store";
}

/**
 * Returns the lifetime of a response, from the time at which the origin made it (`Age` has passed already). For
 * `record-uncacheable` it is the time for which requests pass.
 *
 * @param now Time at which the response arrived, in milliseconds since 1970.
 */
export function lifetimeOf(
  { headers }: ResponseFacts,
  action: StorageAction,
  now: number,
): Lifetime {
  const controls = controlsOf(headers);
  const explicit = explicitAge(headers, controls, now);
  if (action === "record-uncacheable") {
    const passes = Math.max(explicit ?? 0, MIN_PASS);
    return { initialAge: 0n, maxAge: nanoseconds(passes), ...NEVER_STALE };
  }
  const initialAge = nanoseconds(ageOf(headers));
  return { initialAge, maxAge: nanoseconds(explicit ?? DEFAULT_AGE), ...staleUses(controls) };
}

/** Returns Age in seconds: of a list the first member counts, and an invalid value is ignored (RFC 9111, section 5.1). */
function ageOf(headers: HeaderList): number {
  const [first = ""] = (headers.get("age") ?? "").split(",");
  return wholeSeconds(first.trim()) ?? 0;
}

/** Returns the request fields that a response varies by; undefined for `Vary: *` and for names that are not valid. */
export function varyRuleOf(headers: HeaderList): VaryRule | undefined {
  const names = headers.getAll("vary").join(",").toLowerCase().split(",")
    .map((name) => name.trim()).filter((name) => name !== "");
  if (names.includes("*") || !names.every(isName)) return undefined;
  return names.length ? [...new Set(names)].sort() : ANY_REQUEST;
}

const NEVER_STALE = { staleWhileRevalidate: 0n, staleIfError: 0n } as const;

/**
 * Returns the explicit lifetime in seconds: from Surrogate-Control, then `s-maxage`, `max-age`, Expires (RFC 9111,
 * section 4.2.1).
 */
function explicitAge(
  headers: HeaderList,
  { control, surrogate }: Controls,
  now: number,
): number | undefined {
  const forSurrogates = secondsOf(surrogate, "max-age");
  if (forSurrogates !== undefined) return forSurrogates;
  if (forbidsUnvalidated(control)) return 0;
  return secondsOf(control, "s-maxage") ?? secondsOf(control, "max-age") ??
    untilExpiry(headers, now);
}

/** Returns the time from Date to Expires in seconds; 0 for an invalid Expires (RFC 9111, section 5.3). */
function untilExpiry(headers: HeaderList, now: number): number | undefined {
  const expires = headers.get("expires");
  if (expires === undefined) return undefined;
  const until = httpDate(expires, now);
  if (until === undefined) return 0;
  const seconds = Math.floor((until - (httpDate(headers.get("date"), now) ?? now)) / 1000);
  return Math.min(Math.max(seconds, 0), MAX_SECONDS);
}

/**
 * Whether every use needs revalidation. `no-cache` with field names applies to those fields alone (RFC 9111, section
 * 5.2.2.4).
 */
function forbidsUnvalidated(control: Directives): boolean {
  return control.get("no-cache") === "";
}

function staleUses(
  { control, surrogate }: Controls,
): typeof NEVER_STALE | Omit<Lifetime, "initialAge" | "maxAge"> {
  if (control.has("must-revalidate") || control.has("proxy-revalidate")) return NEVER_STALE;
  if (forbidsUnvalidated(control) && !surrogate.has("max-age")) return NEVER_STALE;
  const of = (name: string) =>
    nanoseconds(secondsOf(surrogate, name) ?? secondsOf(control, name) ?? 0);
  return {
    staleWhileRevalidate: of("stale-while-revalidate"),
    staleIfError: of("stale-if-error"),
  };
}

function nanoseconds(seconds: number): bigint {
  return BigInt(seconds) * NANOSECONDS;
}
