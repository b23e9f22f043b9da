/**
 * The three versions of `cache_override_set`, by which a request overrides the caching that its response asks for.
 *
 * @module
 */
import { GuestRequest } from "../handles/message.ts";
import { refuse } from "../service/errors.ts";
import { checkValue } from "../service/http/headers.ts";
import { call, type Hostcall } from "./_define.ts";
import { byteString, pointer, ref, u32 } from "./_in.ts";
import * as out from "./_out.ts";

const PASS = 1;
const TTL = 2;
const STALE_WHILE_REVALIDATE = 4;
const PCI = 8;
const LOOKUP_TIMEOUT = 16;

export const cacheOverrideV1: Hostcall = call(
  [ref(GuestRequest), u32, u32, u32],
  out.none,
  (_, request, tag, ttl, swr) => override(request, tag, LOOKUP_TIMEOUT - 1, { ttl, swr }),
);

export const cacheOverrideV2: Hostcall = call(
  [ref(GuestRequest), u32, u32, u32, byteString],
  out.none,
  (_, request, tag, ttl, swr, surrogateKeys) =>
    override(request, tag, LOOKUP_TIMEOUT - 1, { ttl, swr, surrogateKeys }),
);

export const cacheOverrideV3: Hostcall = call(
  [ref(GuestRequest), u32, pointer],
  out.none,
  ({ memory }, request, tag, ptr) => {
    const keysLength = memory.u32(ptr + 12);
    override(request, tag, 2 * LOOKUP_TIMEOUT - 1, {
      ttl: memory.u32(ptr),
      swr: memory.u32(ptr + 4),
      // A length of 0 means no keys, and the pointer may be invalid then.
      surrogateKeys: keysLength ? memory.byteString(memory.u32(ptr + 8), keysLength) : "",
      lookupTimeout: memory.u32(ptr + 16),
    });
  },
);

interface OverrideArguments {
  readonly ttl: number;
  readonly swr: number;
  readonly surrogateKeys?: string;
  readonly lookupTimeout?: number;
}

function override(
  request: GuestRequest,
  tag: number,
  known: number,
  { ttl, swr, surrogateKeys = "", lookupTimeout = 0 }: OverrideArguments,
): void {
  if (tag & ~known) refuse("invalid", `Cannot use cache override bits 0x${tag.toString(16)}`);
  request.cacheOverride = {
    pass: (tag & PASS) !== 0,
    pci: (tag & PCI) !== 0,
    ...tag & TTL && { ttl },
    ...tag & STALE_WHILE_REVALIDATE && { staleWhileRevalidate: swr },
    ...surrogateKeys && { surrogateKeys: checkKeys(surrogateKeys) },
    ...tag & LOOKUP_TIMEOUT && { lookupTimeout },
  };
}

function checkKeys(keys: string): string {
  try {
    return checkValue(keys);
  } catch (cause) {
    refuse("invalid", "Cannot use surrogate keys that cannot stand in a header", cause);
  }
}
