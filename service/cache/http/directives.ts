import type { HeaderList } from "../../http/headers.ts";

/** Directives of a field such as Cache-Control, by names in lower case. Of repeated names the first counts. */
export type Directives = ReadonlyMap<string, string>;

/** Cache-Control and Surrogate-Control of a response. */
export interface Controls {
  readonly control: Directives;
  readonly surrogate: Directives;
}

const DIRECTIVE = /([!#$%&'*+\-.^_`|~\w]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;
/** Maximum of a directive in seconds, 68 years (RFC 9111, section 1.2.2: delta-seconds may be capped at 2^31). */
export const MAX_SECONDS: number = 2 ** 31 - 1;

/** Parses the fields of a response that control caches. */
export function controlsOf(headers: HeaderList): Controls {
  return {
    control: directivesOf(headers, "cache-control"),
    surrogate: surrogateDirectives(headers),
  };
}

/** Parses a field of directives, its lines joined (RFC 9111, section 5.2). */
export function directivesOf(headers: HeaderList, name: string): Directives {
  return parse(headers.getAll(name));
}

/**
 * Parses Surrogate-Control. The parameter of a directive, which names the surrogate that it is for, is ignored, as Fastly's
 * published results of the public cache suite have it: `max-age=60;this-cdn` is `max-age=60`.
 */
function surrogateDirectives(headers: HeaderList): Directives {
  return parse(headers.getAll("surrogate-control").map((value) => value.replace(/;[^,]*/g, "")));
}

function parse(values: readonly string[]): Directives {
  const directives = new Map<string, string>();
  for (const value of values) {
    for (const [, directive, quoted, plain] of value.matchAll(DIRECTIVE)) {
      const key = directive!.toLowerCase();
      if (!directives.has(key)) directives.set(key, quoted ?? plain ?? "");
    }
  }
  return directives;
}

/**
 * Returns a directive's seconds; undefined without the directive, 0 (stale) if its value is not valid (RFC 9111,
 * section 4.2.1).
 */
export function secondsOf(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  return wholeSeconds(value) ?? 0;
}

/** Parses delta-seconds (RFC 9111, section 1.2.2); undefined for any other text. */
export function wholeSeconds(value: string): number | undefined {
  return /^\d+$/.test(value) ? Math.min(Number(value), MAX_SECONDS) : undefined;
}
