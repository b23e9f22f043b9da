import type { WriteOptions } from "./object.ts";

/** Data of a stored object besides its content. */
interface RecordHead {
  readonly key: string;
  /** Key of the variant: the request's values in the fields of the object's rule. */
  readonly variant: string;
  /** Time at which the object was stored, in milliseconds since 1970. */
  readonly stored: number;
  readonly options: WriteOptions;
}

/** Encodes a head as JSON. Bigints, sets and byte arrays are marked, so that any option survives. */
export function encodeRecordHead(head: RecordHead): string {
  return JSON.stringify(head, (_, value: unknown) => {
    if (typeof value === "bigint") return { $bigint: `${value}` };
    if (value instanceof Set) return { $set: [...value] };
    if (value instanceof Uint8Array) return { $bytes: value.toBase64() };
    return value;
  });
}

/**
 * Decodes a head.
 *
 * @throws {Error} If the text is not a result of {@linkcode encodeRecordHead}.
 */
export function decodeRecordHead(text: string): RecordHead {
  return JSON.parse(text, (_, value) => {
    if (typeof value !== "object" || value === null) return value;
    if (Object.hasOwn(value, "$bigint")) return BigInt(value.$bigint);
    if (Object.hasOwn(value, "$set")) return new Set(value.$set);
    if (Object.hasOwn(value, "$bytes")) return Uint8Array.fromBase64(value.$bytes);
    return value;
  });
}
