import type { Interface } from "./interface.ts";

/** Interfaces of backends, shielding, images and inspection, which `../backends.ts` implements. */
export const BACKENDS: Readonly<Record<string, Interface>> = {
  "fastly:compute/backend": {
    uses: {
      "error": "types.error",
      "open-error": "types.open-error",
      "tls-version": "http-types.tls-version",
      "secret": "secret-store.secret",
    },
    resources: ["dynamic-backend-options", "healthcheck-options", "backend"],
    types: {
      "timeout-ms": "u32",
      "timeout-secs": "u32",
      "probe-count": "u32",
      "backend-health": "enum{unknown, healthy, unhealthy}",
    },
    functions: {
      "register-dynamic-backend":
        "(prefix: string, target: string, options: dynamic-backend-options) -> result<backend, error>",
      "[constructor]dynamic-backend-options": "() -> dynamic-backend-options",
      "[method]dynamic-backend-options.override-host":
        "(self: borrow<dynamic-backend-options>, value: string)",
      "[method]dynamic-backend-options.connect-timeout":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.first-byte-timeout":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.between-bytes-timeout":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.use-tls":
        "(self: borrow<dynamic-backend-options>, value: bool)",
      "[method]dynamic-backend-options.tls-min-version":
        "(self: borrow<dynamic-backend-options>, value: tls-version)",
      "[method]dynamic-backend-options.tls-max-version":
        "(self: borrow<dynamic-backend-options>, value: tls-version)",
      "[method]dynamic-backend-options.cert-hostname":
        "(self: borrow<dynamic-backend-options>, value: string)",
      "[method]dynamic-backend-options.ca-certificate":
        "(self: borrow<dynamic-backend-options>, value: string)",
      "[method]dynamic-backend-options.tls-ciphers":
        "(self: borrow<dynamic-backend-options>, value: string)",
      "[method]dynamic-backend-options.sni-hostname":
        "(self: borrow<dynamic-backend-options>, value: string)",
      "[method]dynamic-backend-options.client-cert":
        "(self: borrow<dynamic-backend-options>, client-cert: string, key: borrow<secret>)",
      "[method]dynamic-backend-options.http-keepalive-time-ms":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.tcp-keepalive-enable":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.tcp-keepalive-interval-secs":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.tcp-keepalive-probes":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.tcp-keepalive-time-secs":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.max-connections":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.max-use":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.max-lifetime-ms":
        "(self: borrow<dynamic-backend-options>, value: u32)",
      "[method]dynamic-backend-options.pooling":
        "(self: borrow<dynamic-backend-options>, value: bool)",
      "[method]dynamic-backend-options.grpc":
        "(self: borrow<dynamic-backend-options>, value: bool)",
      "[method]dynamic-backend-options.prefer-ipv6":
        "(self: borrow<dynamic-backend-options>, value: bool)",
      "[method]dynamic-backend-options.healthcheck":
        "(self: borrow<dynamic-backend-options>, value: healthcheck-options)",
      "[static]healthcheck-options.new": "(host: string) -> result<healthcheck-options, error>",
      "[method]healthcheck-options.host":
        "(self: borrow<healthcheck-options>, value: string) -> result<_, error>",
      "[method]healthcheck-options.method":
        "(self: borrow<healthcheck-options>, value: string) -> result<_, error>",
      "[method]healthcheck-options.path":
        "(self: borrow<healthcheck-options>, value: string) -> result<_, error>",
      "[method]healthcheck-options.expected-status":
        "(self: borrow<healthcheck-options>, value: u16) -> result<_, error>",
      "[method]healthcheck-options.window":
        "(self: borrow<healthcheck-options>, value: u32) -> result<_, error>",
      "[method]healthcheck-options.threshold":
        "(self: borrow<healthcheck-options>, value: u32) -> result<_, error>",
      "[method]healthcheck-options.initial":
        "(self: borrow<healthcheck-options>, value: u32) -> result<_, error>",
      "[method]healthcheck-options.interval-ms":
        "(self: borrow<healthcheck-options>, value: u64) -> result<_, error>",
      "[method]healthcheck-options.timeout-ms":
        "(self: borrow<healthcheck-options>, value: u64) -> result<_, error>",
      "[static]backend.open": "(name: string) -> result<backend, open-error>",
      "[method]backend.clone": "(self: borrow<backend>) -> backend",
      "[method]backend.get-name": "(self: borrow<backend>) -> string",
      "[method]backend.is-healthy": "(self: borrow<backend>) -> result<backend-health, error>",
      "[method]backend.is-dynamic": "(self: borrow<backend>) -> result<bool, error>",
      "[method]backend.get-host": "(self: borrow<backend>, max-len: u64) -> result<string, error>",
      "[method]backend.get-override-host":
        "(self: borrow<backend>, max-len: u64) -> result<option<list<u8>>, error>",
      "[method]backend.get-port": "(self: borrow<backend>) -> result<u16, error>",
      "[method]backend.get-connect-timeout-ms":
        "(self: borrow<backend>) -> result<timeout-ms, error>",
      "[method]backend.get-first-byte-timeout-ms":
        "(self: borrow<backend>) -> result<timeout-ms, error>",
      "[method]backend.get-between-bytes-timeout-ms":
        "(self: borrow<backend>) -> result<timeout-ms, error>",
      "[method]backend.is-tls": "(self: borrow<backend>) -> result<bool, error>",
      "[method]backend.get-tls-min-version":
        "(self: borrow<backend>) -> result<option<tls-version>, error>",
      "[method]backend.get-tls-max-version":
        "(self: borrow<backend>) -> result<option<tls-version>, error>",
      "[method]backend.get-http-keepalive-time":
        "(self: borrow<backend>) -> result<timeout-ms, error>",
      "[method]backend.get-tcp-keepalive-enable": "(self: borrow<backend>) -> result<bool, error>",
      "[method]backend.get-tcp-keepalive-interval":
        "(self: borrow<backend>) -> result<timeout-secs, error>",
      "[method]backend.get-tcp-keepalive-probes":
        "(self: borrow<backend>) -> result<probe-count, error>",
      "[method]backend.get-tcp-keepalive-time":
        "(self: borrow<backend>) -> result<timeout-secs, error>",
    },
  },
  "fastly:compute/shielding": {
    uses: {
      "error": "types.error",
      "backend": "backend.backend",
    },
    resources: ["shield-backend-options"],
    types: {},
    functions: {
      "shield-info": "(name: string, max-len: u64) -> result<string, error>",
      "backend-for-shield":
        "(name: string, options: option<borrow<shield-backend-options>>) -> result<backend, error>",
      "[constructor]shield-backend-options": "() -> shield-backend-options",
      "[method]shield-backend-options.set-cache-key":
        "(self: borrow<shield-backend-options>, cache-key: string)",
      "[method]shield-backend-options.set-first-byte-timeout":
        "(self: borrow<shield-backend-options>, timeout-ms: u32)",
      "[method]shield-backend-options.set-between-bytes-timeout":
        "(self: borrow<shield-backend-options>, timeout-ms: u32)",
    },
  },
  "fastly:compute/image-optimizer": {
    uses: {
      "body": "http-body.body",
      "request": "http-req.request",
      "response-with-body": "http-resp.response-with-body",
      "error": "types.error",
      "backend": "backend.backend",
    },
    resources: ["extra-image-optimizer-transform-options"],
    types: {
      "image-optimizer-transform-options":
        "record{sdk-claims-opts: option<string>, extra: option<borrow<extra-image-optimizer-transform-options>>}",
    },
    functions: {
      "send-to-image-optimizer":
        "(origin-image-request: request, origin-image-request-body: option<body>, origin-image-request-backend: borrow<backend>, io-transform-options: image-optimizer-transform-options) -> result<response-with-body, error>",
      "transform-image-optimizer-request":
        "(origin-image-request: borrow<request>, origin-image-request-body: option<body>, origin-image-request-backend: borrow<backend>, io-transform-options: image-optimizer-transform-options) -> result<response-with-body, error>",
    },
  },
  "fastly:compute/security": {
    uses: {
      "request": "http-req.request",
      "body": "http-req.body",
      "ip-address": "http-req.ip-address",
      "error": "http-req.error",
    },
    resources: ["extra-inspect-options"],
    types: {
      "inspect-options":
        "record{corp: option<string>, workspace: option<string>, override-client-ip: option<ip-address>, extra: option<borrow<extra-inspect-options>>}",
    },
    functions: {
      "inspect":
        "(request: borrow<request>, body: borrow<body>, options: inspect-options, max-len: u64) -> result<string, error>",
    },
  },
};
