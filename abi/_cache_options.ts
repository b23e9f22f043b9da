/** Option records of `fastly_cache`. @module */
import { GuestRequest } from "../handles/message.ts";
import type { ReplaceStrategy } from "../service/cache/entry.ts";
import type { WriteOptions } from "../service/cache/object.ts";
import type { Range } from "../service/cache/range.ts";
import { parseSurrogateKeys } from "../service/cache/surrogate_keys.ts";
import { ANY_REQUEST, parseVaryRule } from "../service/cache/vary.ts";
import { refuse } from "../service/errors.ts";
import { HeaderList } from "../service/http/headers.ts";
import type { CoreTypes, Input } from "./_define.ts";
import { bytes, byteString, oneOf, options, ref, text, u64 } from "./_in.ts";

/** Longest key, in bytes, as the JavaScript SDK documents it. The SDKs of Rust and Go document 4,096. */
const MAX_KEY = 8135;

/** Refuses a key that is too long. */
export function checkKey<T extends { readonly length: number }>(key: T): T {
  return key.length <= MAX_KEY
    ? key
    : refuse("invalid", `Cannot use a cache key of ${key.length} bytes: ${MAX_KEY} is the most`);
}

/** Cache key, of any bytes. */
export const cacheKey: Input<string> = {
  coreTypes: byteString.coreTypes,
  read: (sandbox, args, at) => checkKey(byteString.read(sandbox, args, at)),
};

/** Returns a key with the service that the request is on behalf of, since each service has objects of its own. */
export function keyFor(request: GuestRequest | undefined, key: string): string {
  const owner = request?.onBehalfOf ?? "";
  return `${owner.length}:${owner}${key}`;
}

/** Returns a copy of the fields that choose among variants; the guest may change its request meanwhile. */
export function headersOf(request: GuestRequest | undefined): HeaderList {
  return request ? request.headers.copy() : new HeaderList();
}

/** Field of a record that is refused if its bit is set. */
function never(coreTypes: CoreTypes, refuseIt: () => never): Input<never> {
  return { coreTypes, read: refuseIt };
}

const reserved = never([], () => refuse("unsupported", "Cannot use a reserved option"));
/** Service id, which only Fastly's own hosts accept. */
const serviceId = never(
  text.coreTypes,
  () => refuse("unsupported", "Cannot use the cache of another service by its id"),
);
const noHeaders = never(
  ["i32"],
  () => refuse("invalid", "Cannot take request headers here: those of the lookup count"),
);

export const lookupOptions = options({
  reserved: [0, reserved],
  request: [1, ref(GuestRequest)],
  serviceId: [2, serviceId],
}, { insistsOnRange: 3 });

const strategy: Input<ReplaceStrategy> = {
  coreTypes: ["i32"],
  read(sandbox, args, at) {
    const name = oneOf("none", "immediate", "immediate-force-miss", "wait").read(sandbox, args, at);
    return name === "none" ? refuse("invalid", "Cannot replace without a strategy") : name;
  },
};

export const replaceOptions = options({
  reserved: [0, reserved],
  request: [1, ref(GuestRequest)],
  strategy: [2, strategy],
  serviceId: [3, serviceId],
}, { insistsOnRange: 4 });

const rangeFields = options({ reserved: [0, reserved], from: [1, u64], to: [2, u64] });

/** Range of an object. */
export const range: Input<Range> = {
  coreTypes: rangeFields.coreTypes,
  read(sandbox, args, at) {
    const { from, to } = rangeFields.read(sandbox, args, at);
    return { from: number(from), to: number(to) };
  },
};

function writeFields<T>(request: Input<T>) {
  return options({
    reserved: [0, reserved],
    maxAge: u64,
    request: [1, request],
    varyRule: [2, text],
    initialAge: [3, u64],
    staleWhileRevalidate: [4, u64],
    surrogateKeys: [5, byteString],
    length: [6, u64],
    userMetadata: [7, bytes],
    edgeMaxAge: [9, u64],
    serviceId: [10, serviceId],
  }, { sensitive: 8 });
}

const requested = writeFields(ref(GuestRequest));
const plain = writeFields(noHeaders);

/** Fields of a record of write options. */
export type WriteFields = Omit<ReturnType<typeof plain.read>, "request">;

/** Write options in a transaction. */
export const transactionOptions: Input<WriteOptions> = {
  coreTypes: plain.coreTypes,
  read: (sandbox, args, at) => writeOptions(plain.read(sandbox, args, at)),
};

/** Write options outside of transactions, with the request that the object answers. */
export const insertOptions: Input<{ request: GuestRequest | undefined; options: WriteOptions }> = {
  coreTypes: requested.coreTypes,
  read(sandbox, args, at) {
    const fields = requested.read(sandbox, args, at);
    return { request: fields.request, options: writeOptions(fields) };
  },
};

/** Checks and converts the fields of write options. */
export function writeOptions(fields: WriteFields): WriteOptions {
  const { maxAge, initialAge = 0n, staleWhileRevalidate = 0n, edgeMaxAge = maxAge } = fields;
  // The edge max age is for cache nodes that this host does not have. It is only checked.
  if (edgeMaxAge > maxAge) {
    refuse(
      "invalid",
      `Cannot keep an object at the edge for longer than its max age of ${maxAge} ns`,
    );
  }
  return {
    lifetime: { initialAge, maxAge, staleWhileRevalidate, staleIfError: 0n },
    varyRule: fields.varyRule === undefined ? ANY_REQUEST : parseVaryRule(fields.varyRule),
    surrogateKeys: parseSurrogateKeys(fields.surrogateKeys ?? ""),
    userMetadata: fields.userMetadata ?? new Uint8Array(),
    sensitive: fields.sensitive,
    length: number(fields.length),
  };
}

function number(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
