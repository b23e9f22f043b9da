import type { Eventually, Payload } from "../http/bytes.ts";
import type { CacheContent } from "./content.ts";

/** A part of an object: offsets, both inclusive; only `to` is how many bytes from the end. */
export interface Range {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/**
 * The part of the content that a range asks for, and all of it if that cannot be. While the length is not known a range
 * is not looked at either, unless the reader insists.
 *
 * @param insist Waits for the first byte of the range, or for the end if it counts from there. Such a range may turn out
 * to end past the content, which its reader then learns as an error.
 */
export function readRange(
  content: CacheContent,
  { from, to }: Range,
  insist: boolean,
): Eventually<Payload> {
  const { length } = content;
  if (from === undefined && to === undefined) return content.read();
  if (length === undefined && !insist) return content.read();
  if (from === undefined) return readLast(content, to!);
  if (to !== undefined && to < from) return content.read();
  if (length === undefined) return readAhead(content, from, to);
  if (from >= length || (to ?? 0) >= length) return content.read();
  return content.read(from, to === undefined ? undefined : to + 1);
}

function readLast(content: CacheContent, count: number): Eventually<Payload> {
  const { length } = content;
  if (length !== undefined) {
    return content.read(count >= 1 && count <= length ? length - count : 0);
  }
  return content.ended ? content.read() : content.change().then(() => readLast(content, count));
}

async function readAhead(content: CacheContent, from: number, to?: number): Promise<Payload> {
  await content.reaches(from);
  return content.read(from, to === undefined ? undefined : to + 1);
}
