import { shownName } from "../service/util/shown_name.ts";

/** `WebAssembly.Tag`, which Deno's types lack. */
type Tag = object;

/** `WebAssembly.Exception`, which Deno's types lack. */
interface Exception {
  is(tag: Tag): boolean;
}

/**
 * Describes a value other than an `Error` that a guest has thrown. A WebAssembly exception is described by the name of
 * its tag, if the instance exports the tag.
 *
 * @param exports Exports of the guest's instance.
 * @param names Names of tags in the guest, by the names under which rewriting exports them.
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
