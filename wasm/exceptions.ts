import { shownName } from "../service/util/shown_name.ts";

/** A tag of WebAssembly's exceptions; its class has no type in Deno yet. */
type Tag = object;

/** An exception that a guest has thrown; its class has no type in Deno yet. */
interface Exception {
  is(tag: Tag): boolean;
}

/**
 * What is thrown out of a guest and is no `Error`, in words: a WebAssembly exception is told as one, with the name of its
 * tag if that is among the exports of the instance.
 *
 * @param names What the guest calls its tags, by what they are exported as, where it does not export them itself.
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
