import type { Interface } from "./interface.ts";

/** Interfaces with the types that several others use: `types`, `http-types`. */
export const SHARED: Readonly<Record<string, Interface>> = {
  "fastly:compute/types": {
    uses: {},
    resources: [],
    types: {
      "error":
        "variant{generic-error, invalid-argument, auxiliary-error, buffer-len: u64, unsupported, http-invalid, http-user, http-incomplete, cannot-read, http-head-too-large, http-invalid-status, limit-exceeded}",
      "open-error":
        "enum{invalid-syntax, name-too-long, reserved, not-found, unsupported, limit-exceeded, generic-error}",
      "ipv4-address": "tuple<u8, u8, u8, u8>",
      "ipv6-address": "tuple<u16, u16, u16, u16, u16, u16, u16, u16>",
      "ip-address": "variant{ipv4: ipv4-address, ipv6: ipv6-address}",
    },
    functions: {},
  },
  "fastly:compute/http-types": {
    uses: {},
    resources: [],
    types: {
      "http-version": "enum{http09, http10, http11, h2, h3}",
      "content-encodings": "flags{gzip, br, zstd, dcb, dcz, aes128gcm}",
      "framing-headers-mode": "enum{automatic, manually-from-headers}",
      "tls-version": "u16",
      "http-status": "u16",
    },
    functions: {},
  },
};
