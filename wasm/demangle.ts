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
 * Restores the source name of a function from its symbol. Rust's legacy symbols (`_ZN…E`) are decoded whole; of v0
 * symbols (`_R…`, RFC 2603) only the path is, without types. Other names are returned unchanged.
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

/** Decodes an escape as `u20`, a code point in hexadecimal; undefined for anything else. */
function character(code: string): string | undefined {
  const point = /^u[0-9a-f]+$/.test(code) ? parseInt(code.slice(1), 16) : Infinity;
  return point <= MAX_CODE_POINT ? String.fromCodePoint(point) : undefined;
}

/** Joins the identifiers of a v0 symbol. Crate hashes and types between them are left out. */
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
