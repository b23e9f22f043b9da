import type { HeaderList } from "../../http/headers.ts";

/** What a field such as Cache-Control says, by names in lower case. Of a name that comes twice the first counts. */
export type Directives = ReadonlyMap<string, string>;

const DIRECTIVE = /([!#$%&'*+\-.^_`|~\w]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;
/** Longer than anything is cached: 68 years, in seconds. */
export const MAX_SECONDS: number = 2 ** 31 - 1;

/** Reads a field of directives, all its lines together (RFC 9111 5.2). */
export function directivesOf(headers: HeaderList, name: string): Directives {
  const directives = new Map<string, string>();
  for (const value of headers.getAll(name)) {
    for (const [, directive, quoted, plain] of value.matchAll(DIRECTIVE)) {
      const key = directive!.toLowerCase();
      if (!directives.has(key)) directives.set(key, quoted ?? plain ?? "");
    }
  }
  return directives;
}

/** A directive's seconds; undefined if it is not there, and 0 if they cannot be read: what is in doubt is stale. */
export function secondsOf(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  return wholeSeconds(value) ?? 0;
}

/** A number of seconds as fields have it; undefined if it is none. */
export function wholeSeconds(value: string): number | undefined {
  return /^\d+$/.test(value) ? Math.min(Number(value), MAX_SECONDS) : undefined;
}
