import { shownName } from "../service/util/shown_name.ts";

/** A tag of WebAssembly's exceptions; its class has no type in Deno yet. */
type Tag = object;

/** An exception that a guest has thrown; its class has no type in Deno yet. */
interface Exception {
  is(tag: Tag): boolean;
}

/**
 * Describes a value other than an `Error` that a guest has thrown. Of a WebAssembly exception it gives the name of the
 * tag, if the instance exports that.
 *
 * @param names Names of tags by the names under which rewriting exports them.
 */
export function describeThrown(
  thrown: unknown,
  exports: WebAssembly.Exports,
  names?: ReadonlyMap<string, string>,
): string {
  if (!isException(thrown)) return String(thrown);
  const tag = Object.entries(exports).find(([, value]) => isTag(value) && thrown.is(value))?.[0];
  return "uncaught WebAssembly exception" +
    (tag === undefined ? "" : ` "${shownName(names?.get(tag) ?? tag)}"`);
}

function isException(value: unknown): value is Exception {
  return value instanceof Reflect.get(WebAssembly, "Exception");
}

function isTag(value: unknown): value is Tag {
  return value instanceof Reflect.get(WebAssembly, "Tag");
}
