import { lifetimeOf } from "../../../../service/cache/http/policy.ts";
import { HeaderList } from "../../../../service/http/headers.ts";
import { SECOND } from "../_cache.ts";

/** A Sunday, as fields of HTTP have it. */
export const MADE = "Sun, 06 Nov 1994 08:49:37 GMT";
/** The same, in milliseconds since 1970. */
export const NOW = Date.parse(MADE);

/** Fields of a message, one a line. */
export function fields(text: string): HeaderList {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return new HeaderList(lines.flatMap((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1).trim()];
  }));
}

/** Lifetime of a response with these fields, in seconds: max age, initial age, stale while revalidate, stale if error. */
export function lived(response: string, now = NOW): number[] {
  const headers = fields(response);
  const { maxAge, initialAge, staleWhileRevalidate, staleIfError } = lifetimeOf(
    { status: 200, headers },
    "insert",
    now,
  );
  return [maxAge, initialAge, staleWhileRevalidate, staleIfError].map((ns) => Number(ns / SECOND));
}
