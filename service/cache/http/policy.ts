/**
 * Whether and for how long a response may be kept: RFC 9111 for a shared cache, with `Surrogate-Control` and the
 * defaults of Fastly.
 *
 * @module
 */
import type { Lifetime } from "../lifetime.ts";
import { ANY_REQUEST, type VaryRule } from "../vary.ts";
import { type HeaderList, isName } from "../../http/headers.ts";
import { httpDate } from "./date.ts";
import {
  type Directives,
  directivesOf,
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
 * What is to become of a backend's response: a new object; a new head for the object that was found; nothing, as it was
 * never asked about; or a mark that such requests are to pass the cache for a while.
 */
export type StorageAction = "insert" | "update" | "do-not-store" | "record-uncacheable";

/** Kept without a word from the origin. */
const KEPT_BY_DEFAULT: ReadonlySet<number> = new Set([200, 203, 300, 301, 302, 404, 410]);
/** Final statuses of RFC 9110 15 whose rules for caches are kept here. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ...[200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415, 417, 421, 422, 426],
  ...[500, 501, 502, 503, 504, 505],
]);
/** For so long, in seconds. */
const DEFAULT_AGE = 3600;
/** The shortest time for which requests pass, in seconds. */
const MIN_PASS = 120;
const NANOSECONDS = 1_000_000_000n;

/** Whether requests with the method go through the cache. */
export function isCacheableMethod(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/**
 * Whether the fields of a request show content. It may mean more than the URL says, so that the cache neither answers
 * such a request nor keeps its response.
 */
export function showsContent(request: HeaderList): boolean {
  return request.has("transfer-encoding") ||
    request.getAll("content-length").some((length) => !/^\s*0+\s*$/.test(length));
}

/** What is to become of a response that is no answer to a conditional request. */
export function storageAction(request: HeaderList, response: ResponseFacts): StorageAction {
  const { status, headers } = response;
  if (status < 200 || status === 206 || status === 304) return "do-not-store";
  const surrogate = directivesOf(headers, "surrogate-control");
  const control = directivesOf(headers, "cache-control");
  const forSurrogates = surrogate.has("max-age");
  const understood = UNDERSTOOD.has(status);
  if (control.has("must-understand") && !understood && !forSurrogates) return "do-not-store";
  // RFC 9111 5.2.2.3: where the status is understood, the no-store is for other caches.
  const forbidden = control.has("no-store") && !(control.has("must-understand") && understood);
  if (
    control.has("private") || surrogate.has("private") || surrogate.has("no-store") ||
    (forbidden && !forSurrogates) ||
    headers.has("set-cookie") || varyRuleOf(headers) === undefined
  ) return "record-uncacheable";
  const shared = forSurrogates || control.has("public") || control.has("s-maxage") ||
    control.has("must-revalidate");
  if (request.has("authorization") && !shared) return "do-not-store";
  return explicitAge(headers, 0) !== undefined || KEPT_BY_DEFAULT.has(status)
    ? "insert"
    : "do-not-store";
}

/**
 * How long a response may be used. Its time starts when the origin made it: `Age` is what has gone of it. A response
 * that is not to be kept gets the time for which such requests pass.
 *
 * @param now When it came, in milliseconds since 1970.
 */
export function lifetimeOf(
  { headers }: ResponseFacts,
  action: StorageAction,
  now: number,
): Lifetime {
  const explicit = explicitAge(headers, now);
  if (action === "record-uncacheable") {
    const passes = Math.max(explicit ?? 0, MIN_PASS);
    return { initialAge: 0n, maxAge: nanoseconds(passes), ...NEVER_STALE };
  }
  const initialAge = nanoseconds(ageOf(headers));
  return { initialAge, maxAge: nanoseconds(explicit ?? DEFAULT_AGE), ...staleUses(headers) };
}

/** Seconds; of a list the first member counts, and what is no number counts for nothing (RFC 9111 5.1). */
function ageOf(headers: HeaderList): number {
  const [first = ""] = (headers.get("age") ?? "").split(",");
  return wholeSeconds(first.trim()) ?? 0;
}

/** The request fields that a response was chosen by; undefined if nobody can know (`Vary: *`, or what names none). */
export function varyRuleOf(headers: HeaderList): VaryRule | undefined {
  const names = headers.getAll("vary").join(",").toLowerCase().split(",")
    .map((name) => name.trim()).filter((name) => name !== "");
  if (names.includes("*") || !names.every(isName)) return undefined;
  return names.length ? [...new Set(names)].sort() : ANY_REQUEST;
}

const NEVER_STALE = { staleWhileRevalidate: 0n, staleIfError: 0n } as const;

/** For caches between the origin and the client, the word to surrogates wins, then `s-maxage` (RFC 9111 4.2.1). */
function explicitAge(headers: HeaderList, now: number): number | undefined {
  const control = directivesOf(headers, "cache-control");
  if (!control.size && !headers.has("surrogate-control") && !headers.has("expires")) {
    return undefined;
  }
  const surrogate = secondsOf(directivesOf(headers, "surrogate-control"), "max-age");
  if (surrogate !== undefined) return surrogate;
  if (forbidsUnvalidated(control)) return 0;
  return secondsOf(control, "s-maxage") ?? secondsOf(control, "max-age") ??
    untilExpiry(headers, now);
}

/** What `Expires` leaves after `Date`; a date that cannot be read has passed. */
function untilExpiry(headers: HeaderList, now: number): number | undefined {
  const expires = headers.get("expires");
  if (expires === undefined) return undefined;
  const until = httpDate(expires, now);
  if (until === undefined) return 0;
  const seconds = Math.floor((until - (httpDate(headers.get("date"), now) ?? now)) / 1000);
  return Math.min(Math.max(seconds, 0), MAX_SECONDS);
}

/** Whether every use needs the origin's word first. With names of fields `no-cache` would be about those alone. */
function forbidsUnvalidated(control: Directives): boolean {
  return control.get("no-cache") === "";
}

function staleUses(
  headers: HeaderList,
): typeof NEVER_STALE | Omit<Lifetime, "initialAge" | "maxAge"> {
  const control = directivesOf(headers, "cache-control");
  const surrogate = directivesOf(headers, "surrogate-control");
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
