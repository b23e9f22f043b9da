import type { Eventually, Payload } from "../http/bytes.ts";
import type { CacheContent } from "./content.ts";

/** Range of a content: offsets, both inclusive; `to` alone is a number of bytes from the end. */
export interface Range {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/**
 * Opens a range of a content; all of it if the range is not satisfiable, or if the length is not known yet.
 *
 * @param insist Whether to apply the range while the length is not known: it waits for the first byte of the range, or for
 * the end of the content if the range counts from there. If the content then ends before the range does, a read fails.
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
