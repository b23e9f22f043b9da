/** Option records of `fastly_http_cache`, and the record of suggested options. @module */
import type { HttpWriteOptions } from "../handles/http_cache.ts";
import type { Memory } from "../handles/memory.ts";
import { surrogateKeysIn } from "../service/cache/surrogate_keys.ts";
import { ANY_REQUEST, parseVaryRule } from "../service/cache/vary.ts";
import { refuse } from "../service/errors.ts";
import { checkKey } from "./_cache_options.ts";
import type { Input, Output } from "./_define.ts";
import { bytes, byteString, options, text, u64, unsigned } from "./_in.ts";

/** Cache key that the guest has chosen. */
const overrideKey: Input<Uint8Array> = {
  coreTypes: bytes.coreTypes,
  read: (sandbox, args, at) => checkKey(bytes.read(sandbox, args, at)),
};

/** Options of a lookup. */
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
/** Options that are suggested if they are wanted; that content is sensitive never is. */
const TEXTS = VARY_RULE | SURROGATE_KEYS;
const SUGGESTED = TEXTS | INITIAL_AGE | STALE_WHILE_REVALIDATE | LENGTH | STALE_IF_ERROR;

const writeFields = options({
  maxAge: u64,
  varyRule: [1, text],
  initialAge: [2, u64],
  staleWhileRevalidate: [3, u64],
  surrogateKeys: [4, byteString],
  length: [5, u64],
  staleIfError: [7, u64],
}, { sensitive: 6 });

/** Write options of a response. */
export const writeOptions: Input<HttpWriteOptions> = {
  coreTypes: writeFields.coreTypes,
  read: (sandbox, args, at) => httpWriteOptions(writeFields.read(sandbox, args, at)),
};

/** Checks and converts the fields of write options. */
export function httpWriteOptions(
  { maxAge, ...fields }: ReturnType<typeof writeFields.read>,
): HttpWriteOptions {
  const { initialAge = 0n, staleWhileRevalidate = 0n, staleIfError = 0n } = fields;
  return {
    lifetime: { initialAge, maxAge, staleWhileRevalidate, staleIfError },
    varyRule: fields.varyRule === undefined ? ANY_REQUEST : parseVaryRule(fields.varyRule),
    varyText: fields.varyRule,
    // Keys may come from an origin, so malformed ones are dropped and do not fail the call.
    surrogateKeys: surrogateKeysIn(fields.surrogateKeys ?? ""),
    sensitive: fields.sensitive,
    length: fields.length === undefined ? undefined : Number(fields.length),
  };
}

/** Options that a guest wants suggested, and its buffers for the texts among them. */
export interface SuggestionRequest {
  readonly mask: number;
  readonly varyRule: TextBuffer;
  readonly surrogateKeys: TextBuffer;
}

interface TextBuffer {
  readonly ptr: number;
  readonly length: number;
}

/** Reads the record of which only the buffers for texts are input. */
export const wanted: Input<SuggestionRequest> = {
  coreTypes: ["i32", "i32"],
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

/** Suggested write options, and the guest's request for them. */
export interface Suggestion {
  readonly wanted: SuggestionRequest;
  readonly options: Pick<HttpWriteOptions, "lifetime" | "length">;
  /** Names with spaces between them. */
  readonly varyRule: string;
  /** Keys with spaces between them. */
  readonly surrogateKeys: string;
}

/**
 * `(mask, *record)` pair to fill. Texts are written to the guest's buffers. If one does not fit, the record has the lengths
 * that are needed.
 */
export const suggestion: Output<Suggestion> = {
  coreTypes: ["i32", "i32"],
  write({ memory }, args, at, suggestion) {
    const { wanted, options: { lifetime, length }, varyRule, surrogateKeys } = suggestion;
    const filled = unsigned(args, at);
    const record = unsigned(args, at + 1);
    const mask = length === undefined ? wanted.mask & ~LENGTH : wanted.mask;
    if (mask & VARY_RULE) memory.setU32(record + 12, varyRule.length);
    if (mask & SURROGATE_KEYS) memory.setU32(record + 36, surrogateKeys.length);
    memory.setU32(filled, mask & TEXTS);
    if (mask & VARY_RULE) checkRoom(wanted.varyRule, varyRule);
    if (mask & SURROGATE_KEYS) checkRoom(wanted.surrogateKeys, surrogateKeys);
    memory.setU64(record, lifetime.maxAge);
    if (mask & VARY_RULE) writeText(memory, record + 8, wanted.varyRule, varyRule);
    if (mask & INITIAL_AGE) memory.setU64(record + 16, lifetime.initialAge);
    if (mask & STALE_WHILE_REVALIDATE) memory.setU64(record + 24, lifetime.staleWhileRevalidate);
    if (mask & SURROGATE_KEYS) writeText(memory, record + 32, wanted.surrogateKeys, surrogateKeys);
    if (mask & LENGTH) memory.setU64(record + 40, BigInt(length!));
    if (mask & STALE_IF_ERROR) memory.setU64(record + 48, lifetime.staleIfError);
    memory.setU32(filled, mask & SUGGESTED);
  },
};

function checkRoom({ length: room }: TextBuffer, { length }: string): void {
  if (length > room) refuse("buffer-too-small", `Cannot fit ${length} bytes in ${room}`);
}

/** Writes a text to its buffer, and the buffer's address to its field. */
function writeText(memory: Memory, field: number, { ptr }: TextBuffer, text: string): void {
  memory.setByteString(ptr, text);
  memory.setU32(field, ptr);
}
