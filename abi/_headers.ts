import type { HandleClass } from "../handles/table.ts";
import { refuse } from "../service/errors.ts";
import { checkValue, type HeaderList } from "../service/http/headers.ts";
import type { HttpVersion } from "../service/http/exchange.ts";
import type { Framing } from "../service/http/framing.ts";
import { call, type Hostcall } from "./_define.ts";
import { byteString, headerName, headerValue, oneOf, ref, take, u32 } from "./_in.ts";
import * as out from "./_out.ts";

interface Message {
  headers: HeaderList;
  version: HttpVersion;
  framing: Framing;
}

/** Hostcalls that read a list of fields, as `header_names_get`. */
export function readingCalls<T extends object>(
  field: "header" | "trailer",
  type: HandleClass<T>,
  listOf: (item: T) => HeaderList,
): Record<string, Hostcall> {
  return {
    /** Returns the distinct names, in lower case. */
    [`${field}_names_get`]: call([ref(type)], out.values, (_, item) => listOf(item).names()),

    /** Returns the first value. */
    [`${field}_value_get`]: call(
      [ref(type), headerName],
      out.byteString,
      (_, item, name) =>
        listOf(item).get(name) ?? refuse("invalid", `Cannot find ${field} "${name}"`),
    ),

    /** Returns all values; none for an absent field. */
    [`${field}_values_get`]: call(
      [ref(type), headerName],
      out.values,
      (_, item, name) => listOf(item).getAll(name),
    ),
  };
}

/** Hostcalls that requests and responses have in common: header fields, version, framing, close. */
export function messageCalls<M extends Message>(type: HandleClass<M>): Record<string, Hostcall> {
  return {
    close: call([take(type)], out.none, () => {}),

    ...readingCalls("header", type, ({ headers }) => headers),

    /** Replaces all values. Each ends with a NUL; bytes after the last NUL are ignored. */
    header_values_set: call(
      [ref(type), headerName, byteString],
      out.none,
      ({ requests: { quota } }, { headers }, name, texts) => {
        const values = texts.split("\0").slice(0, -1).map(checkValue);
        quota.checkFields(headers, name, values, true);
        headers.set(name, ...values);
      },
    ),
    header_insert: call(
      [ref(type), headerName, headerValue],
      out.none,
      ({ requests: { quota } }, { headers }, name, value) => {
        quota.checkFields(headers, name, [value], true);
        headers.set(name, value);
      },
    ),
    header_append: call(
      [ref(type), headerName, headerValue],
      out.none,
      ({ requests: { quota } }, { headers }, name, value) => {
        quota.checkFields(headers, name, [value], false);
        headers.append(name, value);
      },
    ),
    header_remove: call([ref(type), headerName], out.none, (_, { headers }, name) => {
      if (!headers.delete(name)) refuse("invalid", `Cannot find header "${name}"`);
    }),

    version_get: call([ref(type)], out.u32, (_, { version }) => version),
    version_set: call([ref(type), u32], out.none, (_, message, version) => {
      if (version > 4) refuse("invalid", `Cannot use ${version} as an HTTP version`);
      message.version = version as HttpVersion;
    }),
    framing_headers_mode_set: call(
      [ref(type), oneOf("automatic", "manual")],
      out.none,
      (_, message, framing) => void (message.framing = framing),
    ),
  };
}
