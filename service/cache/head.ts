import type { WriteOptions } from "./object.ts";

/** What has to be known of an object to have it again after a start. */
interface Head {
  readonly key: string;
  /** What the request had in the fields of the object's rule. */
  readonly variant: string;
  /** When the object was stored, in milliseconds since 1970. */
  readonly stored: number;
  readonly options: WriteOptions;
}

/** The head as a text. Options are plain data, whatever is added to them: all of it is there again in the end. */
export function encodeHead(head: Head): string {
  return JSON.stringify(head, (_, value: unknown) => {
    if (typeof value === "bigint") return { $bigint: `${value}` };
    if (value instanceof Set) return { $set: [...value] };
    if (value instanceof Uint8Array) return { $bytes: value.toBase64() };
    return value;
  });
}

/** @throws {Error} If the text is none that {@linkcode encodeHead} has made. */
export function decodeHead(text: string): Head {
  return JSON.parse(text, (_, value) => {
    if (typeof value !== "object" || value === null) return value;
    if (Object.hasOwn(value, "$bigint")) return BigInt(value.$bigint);
    if (Object.hasOwn(value, "$set")) return new Set(value.$set);
    if (Object.hasOwn(value, "$bytes")) return Uint8Array.fromBase64(value.$bytes);
    return value;
  });
}
