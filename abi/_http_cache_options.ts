/** The option records of the HTTP cache's calls, and the suggestion that they have for a response. @module */
import type { HttpWriteOptions } from "../handles/http_cache.ts";
import type { Memory } from "../handles/memory.ts";
import { surrogateKeysIn } from "../service/cache/surrogate_keys.ts";
import { ANY_REQUEST, parseVaryRule } from "../service/cache/vary.ts";
import { refuse } from "../service/errors.ts";
import { checkKey } from "./_cache_options.ts";
import type { Input, Output } from "./_define.ts";
import { bytes, byteString, options, text, u64, unsigned } from "./_in.ts";

/** A key of a guest's own. */
const overrideKey: Input<Uint8Array> = {
  words: bytes.words,
  read: (sandbox, args, at) => checkKey(bytes.read(sandbox, args, at)),
};

/** How a request is looked up. */
export const lookupOptions = options({
  key: [1, overrideKey],
  backend: [2, text],
});

const VARY_RULE = 1 << 1;
const INITIAL_AGE = 1 << 2;
const STALE_WHILE_REVALIDATE = 1 << 3;
const SURROGATE_KEYS = 1 << 4;
const LENGTH = 1 << 5;
const STALE_IF_ERROR = 1 << 7;
const ALL = (1 << 8) - 1;

const writeFields = options({
  maxAge: u64,
  varyRule: [1, text],
  initialAge: [2, u64],
  staleWhileRevalidate: [3, u64],
  surrogateKeys: [4, byteString],
  length: [5, u64],
  staleIfError: [7, u64],
}, { sensitive: 6 });

/** What is said of a response that is stored. */
export const writeOptions: Input<HttpWriteOptions> = {
  words: writeFields.words,
  read: (sandbox, args, at) => httpWriteOptions(writeFields.read(sandbox, args, at)),
};

/** What is said of a response that is stored, checked. */
export function httpWriteOptions(
  { maxAge, ...fields }: ReturnType<typeof writeFields.read>,
): HttpWriteOptions {
  const { initialAge = 0n, staleWhileRevalidate = 0n, staleIfError = 0n } = fields;
  return {
    lifetime: { initialAge, maxAge, staleWhileRevalidate, staleIfError },
    varyRule: fields.varyRule === undefined ? ANY_REQUEST : parseVaryRule(fields.varyRule),
    varyText: fields.varyRule,
    // They may come from an origin: what can be no key is no reason to store nothing.
    surrogateKeys: surrogateKeysIn(fields.surrogateKeys ?? ""),
    sensitive: fields.sensitive,
    length: fields.length === undefined ? undefined : Number(fields.length),
  };
}

/** Which options a guest wants suggested, and where it has room for the texts among them. */
export interface SuggestionRequest {
  readonly mask: number;
  readonly varyRule: TextBuffer;
  readonly surrogateKeys: TextBuffer;
}

interface TextBuffer {
  readonly ptr: number;
  readonly length: number;
}

/** Reads a record of which only the places for texts count. */
export const wanted: Input<SuggestionRequest> = {
  words: ["i32", "i32"],
  read({ memory }, args, at) {
    const mask = unsigned(args, at);
    const record = unsigned(args, at + 1);
    if (mask & ~ALL) refuse("invalid", `Cannot suggest options 0x${mask.toString(16)}`);
    const room = (bit: number, offset: number): TextBuffer =>
      mask & bit
        ? { ptr: memory.u32(record + offset), length: memory.u32(record + offset + 4) }
        : { ptr: 0, length: 0 };
    return { mask, varyRule: room(VARY_RULE, 8), surrogateKeys: room(SURROGATE_KEYS, 32) };
  },
};

/** What would be said of a response, and what of it was asked for. */
export interface Suggestion {
  readonly wanted: SuggestionRequest;
  readonly options: Pick<HttpWriteOptions, "lifetime" | "length">;
  /** Names with spaces between them. */
  readonly varyRule: string;
  /** Keys with spaces between them. */
  readonly surrogateKeys: string;
}

/**
 * A `(mask, *record)` pair to fill. The texts go where the guest has room for them; if they do not fit, the record has
 * the lengths that would do.
 */
export const suggestion: Output<Suggestion> = {
  words: ["i32", "i32"],
  write({ memory }, args, at, suggestion) {
    const { wanted, options: { lifetime, length } } = suggestion;
    const record = unsigned(args, at + 1);
    const texts = [
      { bit: VARY_RULE, at: 8, room: wanted.varyRule, text: suggestion.varyRule },
      { bit: SURROGATE_KEYS, at: 32, room: wanted.surrogateKeys, text: suggestion.surrogateKeys },
    ].filter(({ bit }) => wanted.mask & bit);
    let filled = 0;
    for (const { bit, at, text } of texts) {
      memory.setU32(record + at + 4, text.length);
      filled |= bit;
    }
    memory.setU32(unsigned(args, at), filled);
    for (const { room, text } of texts) {
      if (text.length > room.length) {
        refuse("buffer-too-small", `Cannot fit ${text.length} bytes in ${room.length}`);
      }
    }
    for (const { at, room, text } of texts) {
      memory.setByteString(room.ptr, text);
      memory.setU32(record + at, room.ptr);
    }
    memory.setU64(record, lifetime.maxAge);
    filled |= setNumbers(memory, record, wanted.mask, [
      [INITIAL_AGE, 16, lifetime.initialAge],
      [STALE_WHILE_REVALIDATE, 24, lifetime.staleWhileRevalidate],
      [LENGTH, 40, length === undefined ? undefined : BigInt(length)],
      [STALE_IF_ERROR, 48, lifetime.staleIfError],
    ]);
    memory.setU32(unsigned(args, at), filled);
  },
};

function setNumbers(
  memory: Memory,
  record: number,
  mask: number,
  numbers: readonly (readonly [bit: number, at: number, value: bigint | undefined])[],
): number {
  let filled = 0;
  for (const [bit, at, value] of numbers) {
    if (!(mask & bit) || value === undefined) continue;
    memory.setU64(record + at, value);
    filled |= bit;
  }
  return filled;
}
