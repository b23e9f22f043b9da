import type { HeaderList } from "./headers.ts";

/** Name of this host in the field `cdn-loop` (RFC 8586). */
export const LOOP_NAME = "fastlike";

/** Returns how many times the `cdn-loop` fields of a request name this host. */
export function hopsOf(headers: HeaderList): number {
  const hops = headers.getAll("cdn-loop").flatMap((value) => value.split(","));
  return hops.filter((hop) => hop.split(";")[0]!.trim().toLowerCase() === LOOP_NAME).length;
}
