const LEGACY_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["SP", "@"],
  ["BP", "*"],
  ["RF", "&"],
  ["LT", "<"],
  ["GT", ">"],
  ["LP", "("],
  ["RP", ")"],
  ["C", ","],
]);
/** The largest code point of Unicode. */
const MAX_CODE_POINT = 0x10ffff;

/**
 * A function's name as its author wrote it, as far as it can be told: Rust's legacy names (`_ZN…E`) are taken back
 * whole; of its v0 names (`_R…`) the path is shown, without types. Other names stay as they are.
 */
export function demangle(name: string): string {
  const legacy = /^_ZN(.+)E(?:\.llvm\..*)?$/.exec(name);
  if (legacy) return legacyPath(legacy[1]!) ?? name;
  return name.startsWith("_R") ? v0Path(name.slice(2)) ?? name : name;
}

function legacyPath(rest: string): string | undefined {
  const parts: string[] = [];
  while (rest) {
    const length = /^\d+/.exec(rest)?.[0];
    if (!length) return undefined;
    const end = length.length + Number(length);
    parts.push(rest.slice(length.length, end));
    rest = rest.slice(end);
  }
  if (/^h[0-9a-f]{16}$/.test(parts.at(-1) ?? "")) parts.pop();
  return parts.map(unescapePart).join("::");
}

function unescapePart(part: string): string {
  return part
    .replace(/^_(?=\$)/, "")
    .replaceAll(
      /\$(\w+)\$/g,
      (escape, code: string) => LEGACY_ESCAPES.get(code) ?? character(code) ?? escape,
    )
    .replaceAll("..", "::");
}

/** The character of an escape as `u20`, by its code point; undefined if there is none. */
function character(code: string): string | undefined {
  const point = /^u[0-9a-f]+$/.test(code) ? parseInt(code.slice(1), 16) : Infinity;
  return point <= MAX_CODE_POINT ? String.fromCodePoint(point) : undefined;
}

/** The identifiers in the order of the path; what stands between them (crate hashes, types) is left out. */
function v0Path(rest: string): string | undefined {
  const parts: string[] = [];
  for (let at = 0; at < rest.length;) {
    const match = /^(\d+)_?/.exec(rest.slice(at));
    if (!match) {
      at += /^[sB][0-9A-Za-z]*_/.exec(rest.slice(at))?.[0].length ?? 1;
      continue;
    }
    const from = at + match[0].length;
    at = from + Number(match[1]);
    parts.push(rest.slice(from, at));
  }
  return parts.length ? parts.filter(Boolean).join("::") : undefined;
}
