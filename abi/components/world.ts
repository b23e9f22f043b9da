/** One interface of the world: what a component may import of it. */
export interface Interface {
  /** Names of types that are of other interfaces: `INTERFACE.TYPE`. */
  readonly uses: Readonly<Record<string, string>>;
  readonly resources: readonly string[];
  /** Types by name, as WIT writes them. */
  readonly types: Readonly<Record<string, string>>;
  /** Signatures by the names that components import the functions by. */
  readonly functions: Readonly<Record<string, string>>;
}

/** The interfaces of `fastly:compute`, version 0.1, as Fastly publishes them in WIT. */
export const FASTLY: Readonly<Record<string, Interface>> = {
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
  "fastly:compute/http-body": {
    uses: {
      "error": "types.error",
      "body": "async-io.pollable",
    },
    resources: [],
    types: {
      "trailer-error": "variant{not-available-yet, error: error}",
    },
    functions: {
      "new": "() -> result<body, error>",
      "append": "(dest: borrow<body>, src: body) -> result<_, error>",
      "read": "(body: borrow<body>, chunk-size: u32) -> result<list<u8>, error>",
      "write": "(body: borrow<body>, buf: list<u8>) -> result<u32, error>",
      "write-front": "(body: borrow<body>, buf: list<u8>) -> result<_, error>",
      "close": "(body: body) -> result<_, error>",
      "get-known-length": "(body: borrow<body>) -> option<u64>",
      "append-trailer": "(body: borrow<body>, name: string, value: list<u8>) -> result<_, error>",
      "get-trailer-names":
        "(body: borrow<body>, max-len: u64, cursor: u32) -> result<tuple<string, option<u32>>, trailer-error>",
      "get-trailer-value":
        "(body: borrow<body>, name: string, max-len: u64) -> result<option<list<u8>>, trailer-error>",
      "get-trailer-values":
        "(body: borrow<body>, name: string, max-len: u64, cursor: u32) -> result<tuple<list<u8>, option<u32>>, trailer-error>",
    },
  },
  "fastly:compute/log": {
    uses: {
      "error": "types.error",
      "open-error": "types.open-error",
    },
    resources: ["endpoint"],
    types: {},
    functions: {
      "[static]endpoint.open": "(name: string) -> result<endpoint, open-error>",
      "[method]endpoint.clone": "(self: borrow<endpoint>) -> endpoint",
      "[method]endpoint.write": "(self: borrow<endpoint>, msg: list<u8>)",
    },
  },
  "fastly:compute/http-downstream": {
    uses: {
      "error": "types.error",
      "ip-address": "types.ip-address",
      "request": "http-req.request",
      "client-cert-verify-result": "http-req.client-cert-verify-result",
      "error-with-detail": "http-req.error-with-detail",
      "cache-override": "http-req.cache-override",
      "pending-request": "http-req.pending-request",
      "request-with-body": "http-req.request-with-body",
    },
    resources: ["extra-next-request-options", "extra-bot-category"],
    types: {
      "next-request-options":
        "record{timeout-ms: option<u64>, extra: option<borrow<extra-next-request-options>>}",
      "bot-category":
        "variant{none, suspected, accessibility, ai-crawler, ai-fetcher, content-fetcher, monitoring-site-tools, online-marketing, page-preview, platform-integrations, research, search-engine-crawler, search-engine-optimization, security-tools, extra: extra-bot-category}",
    },
    functions: {
      "next-request": "(options: next-request-options) -> result<pending-request, error>",
      "await-request": "(pending: pending-request) -> result<option<request-with-body>, error>",
      "downstream-original-header-names":
        "(ds-request: borrow<request>, max-len: u64, cursor: u32) -> result<tuple<string, option<u32>>, error>",
      "downstream-original-header-count": "(ds-request: borrow<request>) -> result<u32, error>",
      "downstream-client-ip-addr": "(ds-request: borrow<request>) -> option<ip-address>",
      "downstream-server-ip-addr": "(ds-request: borrow<request>) -> option<ip-address>",
      "downstream-client-h2-fingerprint":
        "(ds-request: borrow<request>, max-len: u64) -> result<string, error>",
      "downstream-client-request-id":
        "(ds-request: borrow<request>, max-len: u64) -> result<string, error>",
      "downstream-client-oh-fingerprint":
        "(ds-request: borrow<request>, max-len: u64) -> result<string, error>",
      "downstream-client-ddos-detected": "(ds-request: borrow<request>) -> result<bool, error>",
      "downstream-tls-cipher-openssl-name":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<list<u8>>, error>",
      "downstream-tls-protocol":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<list<u8>>, error>",
      "downstream-tls-client-hello":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<list<u8>>, error>",
      "downstream-tls-raw-client-certificate":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<list<u8>>, error>",
      "downstream-tls-client-cert-verify-result":
        "(ds-request: borrow<request>) -> result<option<client-cert-verify-result>, error>",
      "downstream-tls-client-servername":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<string>, error>",
      "downstream-tls-ja3-md5": "(ds-request: borrow<request>) -> result<option<list<u8>>, error>",
      "downstream-tls-ja4":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<string>, error>",
      "downstream-compliance-region":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<string>, error>",
      "fastly-key-is-valid": "(ds-request: borrow<request>) -> result<bool, error>",
      "downstream-bot-analyzed": "(ds-request: borrow<request>) -> result<bool, error>",
      "downstream-bot-detected": "(ds-request: borrow<request>) -> result<bool, error>",
      "downstream-bot-name":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<string>, error>",
      "downstream-bot-category":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<string>, error>",
      "downstream-bot-category-kind":
        "(ds-request: borrow<request>) -> result<option<bot-category>, error>",
      "downstream-bot-verified": "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-anonymous":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-anonymous-vpn":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-hosting-provider":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-proxy-over-vpn":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-public-proxy":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-relay-proxy":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-residential-proxy":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-smart-dns-proxy":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-tor-exit-node":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-is-vpn-datacenter":
        "(ds-request: borrow<request>) -> result<option<bool>, error>",
      "downstream-resvpnproxy-vpn-service-name":
        "(ds-request: borrow<request>, max-len: u64) -> result<option<string>, error>",
      "downstream-visits-this-service": "() -> result<u64, error>",
      "downstream-visits-this-pop": "() -> result<u64, error>",
      "[method]extra-bot-category.as-raw": "(self: borrow<extra-bot-category>) -> u32",
    },
  },
  "fastly:compute/http-req": {
    uses: {
      "error": "types.error",
      "ip-address": "types.ip-address",
      "http-version": "http-types.http-version",
      "content-encodings": "http-types.content-encodings",
      "framing-headers-mode": "http-types.framing-headers-mode",
      "response": "http-resp.response",
      "body": "http-body.body",
      "response-with-body": "http-resp.response-with-body",
      "backend": "backend.backend",
      "pending-response": "async-io.pollable",
      "pending-request": "async-io.pollable",
    },
    resources: ["request", "extra-cache-override-details", "extra-send-error-detail"],
    types: {
      "request-with-body": "tuple<request, body>",
      "cache-override": "variant{none, pass, override: cache-override-details}",
      "cache-override-details":
        "record{ttl: option<u32>, stale-while-revalidate: option<u32>, pci: bool, surrogate-key: option<string>, extra: option<borrow<extra-cache-override-details>>}",
      "client-cert-verify-result":
        "enum{ok, bad-certificate, certificate-revoked, certificate-expired, unknown-ca, certificate-missing, certificate-unknown}",
      "send-error-detail":
        "variant{dns-timeout, dns-error: dns-error-detail, destination-not-found, destination-unavailable, destination-ip-unroutable, connection-refused, connection-terminated, connection-timeout, connection-limit-reached, tls-certificate-error, tls-configuration-error, http-incomplete-response, http-response-header-section-too-large, http-response-body-too-large, http-response-timeout, http-response-status-invalid, http-upgrade-failed, http-protocol-error, http-request-cache-key-invalid, http-request-uri-invalid, internal-error, tls-alert-received: tls-alert-received-detail, tls-protocol-error, h2-error: h2-error-detail, extra: extra-send-error-detail}",
      "dns-error-detail": "record{rcode: option<u16>, info-code: option<u16>}",
      "tls-alert-received-detail": "record{id: option<u8>}",
      "h2-error-detail": "record{frame-type: u8, error-code: u32}",
      "error-with-detail": "record{detail: option<send-error-detail>, error: error}",
    },
    functions: {
      "send":
        "(request: request, body: body, backend: borrow<backend>) -> result<response-with-body, error-with-detail>",
      "send-uncached":
        "(request: request, body: body, backend: borrow<backend>) -> result<response-with-body, error-with-detail>",
      "send-async":
        "(request: request, body: body, backend: borrow<backend>) -> result<pending-response, error>",
      "send-async-uncached":
        "(request: request, body: body, backend: borrow<backend>) -> result<pending-response, error>",
      "send-async-streaming":
        "(request: request, body: borrow<body>, backend: borrow<backend>) -> result<pending-response, error>",
      "send-async-uncached-streaming":
        "(request: request, body: borrow<body>, backend: borrow<backend>) -> result<pending-response, error>",
      "await-response":
        "(pending: pending-response) -> result<response-with-body, error-with-detail>",
      "close": "(request: request) -> result<_, error>",
      "upgrade-websocket": "(backend: borrow<backend>) -> result<_, error>",
      "[static]request.new": "() -> result<request, error>",
      "[method]request.set-cache-override":
        "(self: borrow<request>, cache-override: cache-override) -> result<_, error>",
      "[method]request.get-header-names":
        "(self: borrow<request>, max-len: u64, cursor: u32) -> result<tuple<string, option<u32>>, error>",
      "[method]request.get-header-value":
        "(self: borrow<request>, name: string, max-len: u64) -> result<option<list<u8>>, error>",
      "[method]request.get-header-values":
        "(self: borrow<request>, name: string, max-len: u64, cursor: u32) -> result<tuple<list<u8>, option<u32>>, error>",
      "[method]request.set-header-values":
        "(self: borrow<request>, name: string, values: list<u8>) -> result<_, error>",
      "[method]request.insert-header":
        "(self: borrow<request>, name: string, value: list<u8>) -> result<_, error>",
      "[method]request.append-header":
        "(self: borrow<request>, name: string, value: list<u8>) -> result<_, error>",
      "[method]request.remove-header": "(self: borrow<request>, name: string) -> result<_, error>",
      "[method]request.get-method":
        "(self: borrow<request>, max-len: u64) -> result<string, error>",
      "[method]request.set-method": "(self: borrow<request>, method: string) -> result<_, error>",
      "[method]request.get-uri": "(self: borrow<request>, max-len: u64) -> result<string, error>",
      "[method]request.set-uri": "(self: borrow<request>, uri: string) -> result<_, error>",
      "[method]request.get-version": "(self: borrow<request>) -> result<http-version, error>",
      "[method]request.set-version":
        "(self: borrow<request>, version: http-version) -> result<_, error>",
      "[method]request.set-auto-decompress-response":
        "(self: borrow<request>, encodings: content-encodings) -> result<_, error>",
      "[method]request.redirect-to-websocket-proxy":
        "(self: borrow<request>, backend: borrow<backend>) -> result<_, error>",
      "[method]request.set-framing-headers-mode":
        "(self: borrow<request>, mode: framing-headers-mode) -> result<_, error>",
      "[method]request.redirect-to-grip-proxy":
        "(self: borrow<request>, backend: borrow<backend>) -> result<_, error>",
      "[static]extra-cache-override-details.new": "() -> extra-cache-override-details",
      "[method]extra-cache-override-details.set-lookup-timeout":
        "(self: borrow<extra-cache-override-details>, timeout-ms: u32)",
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
  "fastly:compute/http-resp": {
    uses: {
      "error": "types.error",
      "ip-address": "types.ip-address",
      "http-version": "http-types.http-version",
      "http-status": "http-types.http-status",
      "framing-headers-mode": "http-types.framing-headers-mode",
      "body": "http-body.body",
      "pending-response": "async-io.pollable",
    },
    resources: ["response"],
    types: {
      "pending-response-kind": "enum{any, response, error}",
      "response-with-body": "tuple<response, body>",
      "keepalive-mode": "enum{automatic, no-keepalive}",
    },
    functions: {
      "send-downstream": "(response: response, body: body) -> result<_, error>",
      "send-downstream-streaming": "(response: response, body: borrow<body>) -> result<_, error>",
      "send-downstream-pending": "(handle: pending-response) -> result<_, error>",
      "insert-header-pending":
        "(pending: borrow<pending-response>, name: string, value: list<u8>, target: pending-response-kind) -> result<_, error>",
      "append-header-pending":
        "(pending: borrow<pending-response>, name: string, value: list<u8>, target: pending-response-kind) -> result<_, error>",
      "remove-header-pending":
        "(pending: borrow<pending-response>, name: string, target: pending-response-kind) -> result<_, error>",
      "close": "(response: response) -> result<_, error>",
      "[static]response.new": "() -> result<response, error>",
      "[method]response.get-header-names":
        "(self: borrow<response>, max-len: u64, cursor: u32) -> result<tuple<string, option<u32>>, error>",
      "[method]response.get-header-value":
        "(self: borrow<response>, name: string, max-len: u64) -> result<option<list<u8>>, error>",
      "[method]response.get-header-values":
        "(self: borrow<response>, name: string, max-len: u64, cursor: u32) -> result<tuple<list<u8>, option<u32>>, error>",
      "[method]response.set-header-values":
        "(self: borrow<response>, name: string, values: list<u8>) -> result<_, error>",
      "[method]response.insert-header":
        "(self: borrow<response>, name: string, value: list<u8>) -> result<_, error>",
      "[method]response.append-header":
        "(self: borrow<response>, name: string, value: list<u8>) -> result<_, error>",
      "[method]response.remove-header":
        "(self: borrow<response>, name: string) -> result<_, error>",
      "[method]response.get-version": "(self: borrow<response>) -> result<http-version, error>",
      "[method]response.set-version":
        "(self: borrow<response>, version: http-version) -> result<_, error>",
      "[method]response.get-status": "(self: borrow<response>) -> result<http-status, error>",
      "[method]response.set-status":
        "(self: borrow<response>, status: http-status) -> result<_, error>",
      "[method]response.set-framing-headers-mode":
        "(self: borrow<response>, mode: framing-headers-mode) -> result<_, error>",
      "[method]response.set-http-keepalive-mode":
        "(self: borrow<response>, mode: keepalive-mode) -> result<_, error>",
      "[method]response.get-remote-ip-addr": "(self: borrow<response>) -> option<ip-address>",
      "[method]response.get-remote-port": "(self: borrow<response>) -> option<u16>",
    },
  },
  "fastly:compute/dictionary": {
    uses: {
      "error": "types.error",
      "open-error": "types.open-error",
    },
    resources: ["dictionary"],
    types: {},
    functions: {
      "[static]dictionary.open": "(name: string) -> result<dictionary, open-error>",
      "[method]dictionary.lookup":
        "(self: borrow<dictionary>, key: string, max-len: u64) -> result<option<string>, error>",
    },
  },
  "fastly:compute/geo": {
    uses: {
      "error": "types.error",
      "ip-address": "types.ip-address",
    },
    resources: [],
    types: {},
    functions: {
      "lookup": "(ip-addr: ip-address, max-len: u64) -> result<string, error>",
    },
  },
  "fastly:compute/device-detection": {
    uses: {
      "error": "types.error",
    },
    resources: [],
    types: {},
    functions: {
      "lookup": "(user-agent: string, max-len: u64) -> result<option<string>, error>",
    },
  },
  "fastly:compute/erl": {
    uses: {
      "error": "types.error",
      "open-error": "types.open-error",
    },
    resources: ["rate-counter", "penalty-box"],
    types: {},
    functions: {
      "[static]rate-counter.open": "(name: string) -> result<rate-counter, open-error>",
      "[method]rate-counter.get-name": "(self: borrow<rate-counter>) -> string",
      "[method]rate-counter.check-rate":
        "(self: borrow<rate-counter>, entry: string, delta: u32, window: u32, limit: u32, penalty-box: borrow<penalty-box>, ttl: u32) -> result<bool, error>",
      "[method]rate-counter.increment":
        "(self: borrow<rate-counter>, entry: string, delta: u32) -> result<_, error>",
      "[method]rate-counter.lookup-rate":
        "(self: borrow<rate-counter>, entry: string, window: u32) -> result<u32, error>",
      "[method]rate-counter.lookup-count":
        "(self: borrow<rate-counter>, entry: string, duration: u32) -> result<u32, error>",
      "[static]penalty-box.open": "(name: string) -> result<penalty-box, open-error>",
      "[method]penalty-box.get-name": "(self: borrow<penalty-box>) -> string",
      "[method]penalty-box.add":
        "(self: borrow<penalty-box>, entry: string, ttl: u32) -> result<_, error>",
      "[method]penalty-box.has":
        "(self: borrow<penalty-box>, entry: string) -> result<bool, error>",
    },
  },
  "fastly:compute/kv-store": {
    uses: {
      "error": "types.error",
      "open-error": "types.open-error",
      "body": "http-body.body",
      "pending-lookup": "async-io.pollable",
      "pending-insert": "async-io.pollable",
      "pending-delete": "async-io.pollable",
      "pending-list": "async-io.pollable",
    },
    resources: ["store", "extra-kv-error", "entry", "extra-insert-options", "extra-list-options"],
    types: {
      "kv-error":
        "variant{bad-request, precondition-failed, payload-too-large, internal-error, too-many-requests, generic-error, extra: extra-kv-error}",
      "insert-mode": "enum{overwrite, add, append, prepend}",
      "insert-options":
        "record{background-fetch: bool, if-generation-match: option<u64>, metadata: option<string>, time-to-live-sec: option<u32>, mode: insert-mode, extra: option<borrow<extra-insert-options>>}",
      "list-mode": "enum{strong, eventual}",
      "list-options":
        "record{mode: list-mode, cursor: option<string>, limit: option<u32>, prefix: option<string>, extra: option<borrow<extra-list-options>>}",
    },
    functions: {
      "await-lookup": "(handle: pending-lookup) -> result<option<entry>, kv-error>",
      "await-insert": "(handle: pending-insert) -> result<_, kv-error>",
      "await-delete": "(handle: pending-delete) -> result<bool, kv-error>",
      "await-list": "(handle: pending-list) -> result<body, kv-error>",
      "[static]store.open": "(name: string) -> result<store, open-error>",
      "[method]store.lookup":
        "(self: borrow<store>, key: string) -> result<option<entry>, kv-error>",
      "[method]store.lookup-async":
        "(self: borrow<store>, key: string) -> result<pending-lookup, error>",
      "[method]store.insert":
        "(self: borrow<store>, key: string, body: body, options: insert-options) -> result<_, kv-error>",
      "[method]store.insert-async":
        "(self: borrow<store>, key: string, body: body, options: insert-options) -> result<pending-insert, error>",
      "[method]store.delete": "(self: borrow<store>, key: string) -> result<bool, kv-error>",
      "[method]store.delete-async":
        "(self: borrow<store>, key: string) -> result<pending-delete, error>",
      "[method]store.list":
        "(self: borrow<store>, options: list-options) -> result<body, kv-error>",
      "[method]store.list-async":
        "(self: borrow<store>, options: list-options) -> result<pending-list, error>",
      "[method]entry.take-body": "(self: borrow<entry>) -> option<body>",
      "[method]entry.metadata":
        "(self: borrow<entry>, max-len: u64) -> result<option<string>, error>",
      "[method]entry.generation": "(self: borrow<entry>) -> u64",
    },
  },
  "fastly:compute/secret-store": {
    uses: {
      "error": "types.error",
      "open-error": "types.open-error",
    },
    resources: ["secret", "store"],
    types: {},
    functions: {
      "[static]secret.from-bytes": "(bytes: list<u8>) -> result<secret, error>",
      "[method]secret.plaintext": "(self: borrow<secret>, max-len: u64) -> result<list<u8>, error>",
      "[static]store.open": "(name: string) -> result<store, open-error>",
      "[method]store.get": "(self: borrow<store>, key: string) -> result<option<secret>, error>",
    },
  },
  "fastly:compute/acl": {
    uses: {
      "error": "types.error",
      "open-error": "types.open-error",
      "ip-address": "types.ip-address",
      "body": "http-body.body",
    },
    resources: ["acl"],
    types: {
      "acl-error": "enum{too-many-requests, generic-error}",
    },
    functions: {
      "[static]acl.open": "(name: string) -> result<acl, open-error>",
      "[method]acl.lookup":
        "(self: borrow<acl>, ip-addr: ip-address) -> result<option<body>, acl-error>",
    },
  },
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
  "fastly:compute/async-io": {
    uses: {},
    resources: ["pollable"],
    types: {},
    functions: {
      "select": "(handles: list<borrow<pollable>>) -> u32",
      "select-with-timeout": "(handles: list<borrow<pollable>>, timeout-ms: u32) -> option<u32>",
      "[method]pollable.is-ready": "(self: borrow<pollable>) -> bool",
      "[static]pollable.new-ready": "() -> pollable",
    },
  },
  "fastly:compute/purge": {
    uses: {
      "error": "types.error",
    },
    resources: ["extra-purge-options"],
    types: {
      "purge-options": "record{soft-purge: bool, extra: option<borrow<extra-purge-options>>}",
    },
    functions: {
      "purge-surrogate-key":
        "(surrogate-keys: string, purge-options: purge-options) -> result<_, error>",
      "purge-surrogate-key-verbose":
        "(surrogate-keys: string, purge-options: purge-options, max-len: u64) -> result<string, error>",
    },
  },
  "fastly:compute/cache": {
    uses: {
      "error": "types.error",
      "body": "http-body.body",
      "request": "http-req.request",
      "pollable": "async-io.pollable",
      "pending-entry": "async-io.pollable",
    },
    resources: [
      "entry",
      "replace-entry",
      "extra-lookup-options",
      "extra-write-options",
      "extra-get-body-options",
      "extra-replace-options",
    ],
    types: {
      "object-length": "u64",
      "duration-ns": "u64",
      "cache-hit-count": "u64",
      "lookup-options":
        "record{request-headers: option<borrow<request>>, always-use-requested-range: bool, extra: option<borrow<extra-lookup-options>>}",
      "write-options":
        "record{max-age-ns: duration-ns, request-headers: option<borrow<request>>, vary-rule: option<string>, initial-age-ns: option<duration-ns>, stale-while-revalidate-ns: option<duration-ns>, surrogate-keys: option<string>, length: option<object-length>, user-metadata: option<list<u8>>, edge-max-age-ns: option<duration-ns>, sensitive-data: bool, extra: option<borrow<extra-write-options>>}",
      "get-body-options":
        "record{from: option<u64>, to: option<u64>, extra: option<borrow<extra-get-body-options>>}",
      "lookup-state": "flags{found, usable, stale, must-insert-or-update, usable-if-error}",
      "replace-options":
        "record{request-headers: option<borrow<request>>, replace-strategy: option<replace-strategy>, always-use-requested-range: bool, extra: option<borrow<extra-replace-options>>}",
      "replace-strategy": "enum{immediate, immediate-force-miss, wait}",
    },
    functions: {
      "insert": "(key: list<u8>, options: write-options) -> result<body, error>",
      "await-entry": "(handle: pending-entry) -> result<entry, error>",
      "close-pending-entry": "(handle: pending-entry) -> result<_, error>",
      "close-entry": "(handle: entry) -> result<_, error>",
      "replace-insert": "(handle: replace-entry, options: write-options) -> result<body, error>",
      "close-replace-entry": "(handle: replace-entry) -> result<_, error>",
      "[static]entry.lookup": "(key: list<u8>, options: lookup-options) -> result<entry, error>",
      "[static]entry.transaction-lookup":
        "(key: list<u8>, options: lookup-options) -> result<entry, error>",
      "[static]entry.transaction-lookup-async":
        "(key: list<u8>, options: lookup-options) -> result<pending-entry, error>",
      "[method]entry.transaction-insert":
        "(self: borrow<entry>, options: write-options) -> result<body, error>",
      "[method]entry.transaction-insert-and-stream-back":
        "(self: borrow<entry>, options: write-options) -> result<tuple<body, entry>, error>",
      "[method]entry.transaction-update":
        "(self: borrow<entry>, options: write-options) -> result<_, error>",
      "[method]entry.get-state": "(self: borrow<entry>) -> result<lookup-state, error>",
      "[method]entry.get-user-metadata":
        "(self: borrow<entry>, max-len: u64) -> result<option<list<u8>>, error>",
      "[method]entry.get-body":
        "(self: borrow<entry>, options: get-body-options) -> result<body, error>",
      "[method]entry.get-length": "(self: borrow<entry>) -> result<option<object-length>, error>",
      "[method]entry.get-max-age-ns": "(self: borrow<entry>) -> result<option<duration-ns>, error>",
      "[method]entry.get-stale-while-revalidate-ns":
        "(self: borrow<entry>) -> result<option<duration-ns>, error>",
      "[method]entry.get-age-ns": "(self: borrow<entry>) -> result<option<duration-ns>, error>",
      "[method]entry.get-hits": "(self: borrow<entry>) -> result<option<cache-hit-count>, error>",
      "[method]entry.transaction-cancel": "(self: borrow<entry>) -> result<_, error>",
      "[method]entry.step": "(self: borrow<entry>) -> option<pollable>",
      "[static]replace-entry.replace":
        "(key: list<u8>, options: replace-options) -> result<replace-entry, error>",
      "[method]replace-entry.get-age-ns":
        "(self: borrow<replace-entry>) -> result<option<duration-ns>, error>",
      "[method]replace-entry.get-body":
        "(self: borrow<replace-entry>, options: get-body-options) -> result<option<body>, error>",
      "[method]replace-entry.get-hits":
        "(self: borrow<replace-entry>) -> result<option<cache-hit-count>, error>",
      "[method]replace-entry.get-length":
        "(self: borrow<replace-entry>) -> result<option<object-length>, error>",
      "[method]replace-entry.get-max-age-ns":
        "(self: borrow<replace-entry>) -> result<option<duration-ns>, error>",
      "[method]replace-entry.get-stale-while-revalidate-ns":
        "(self: borrow<replace-entry>) -> result<option<duration-ns>, error>",
      "[method]replace-entry.get-state":
        "(self: borrow<replace-entry>) -> result<option<lookup-state>, error>",
      "[method]replace-entry.get-user-metadata":
        "(self: borrow<replace-entry>, max-len: u64) -> result<option<list<u8>>, error>",
      "[method]replace-entry.step": "(self: borrow<replace-entry>) -> option<pollable>",
      "[constructor]extra-lookup-options": "() -> extra-lookup-options",
      "[constructor]extra-write-options": "() -> extra-write-options",
      "[constructor]extra-replace-options": "() -> extra-replace-options",
    },
  },
  "fastly:compute/http-cache": {
    uses: {
      "error": "types.error",
      "body": "http-body.body",
      "request": "http-req.request",
      "response": "http-resp.response",
      "response-with-body": "http-resp.response-with-body",
      "backend": "backend.backend",
      "lookup-state": "cache.lookup-state",
      "object-length": "cache.object-length",
      "duration-ns": "cache.duration-ns",
      "cache-hit-count": "cache.cache-hit-count",
      "pollable": "async-io.pollable",
    },
    resources: ["entry", "extra-lookup-options", "extra-write-options", "suggested-write-options"],
    types: {
      "storage-action": "enum{insert, update, do-not-store, record-uncacheable}",
      "lookup-options":
        "record{override-key: option<list<u8>>, backend: option<borrow<backend>>, extra: option<borrow<extra-lookup-options>>}",
      "write-options":
        "record{max-age-ns: duration-ns, vary-rule: option<string>, initial-age-ns: option<duration-ns>, stale-while-revalidate-ns: option<duration-ns>, stale-if-error-ns: option<duration-ns>, surrogate-keys: option<string>, length: option<object-length>, sensitive-data: bool, extra: option<borrow<extra-write-options>>}",
    },
    functions: {
      "is-request-cacheable": "(request: borrow<request>) -> result<bool, error>",
      "get-suggested-cache-key":
        "(request: borrow<request>, max-len: u64) -> result<list<u8>, error>",
      "close-entry": "(handle: entry) -> result<_, error>",
      "[static]entry.transaction-lookup":
        "(req-handle: borrow<request>, options: lookup-options) -> result<entry, error>",
      "[method]entry.transaction-insert":
        "(self: borrow<entry>, resp-handle: response, options: write-options) -> result<body, error>",
      "[method]entry.transaction-insert-and-stream-back":
        "(self: borrow<entry>, resp-handle: response, options: write-options) -> result<tuple<body, entry>, error>",
      "[method]entry.transaction-update":
        "(self: borrow<entry>, resp-handle: response, options: write-options) -> result<_, error>",
      "[method]entry.transaction-update-and-return-fresh":
        "(self: borrow<entry>, resp-handle: response, options: write-options) -> result<entry, error>",
      "[method]entry.transaction-choose-stale": "(self: borrow<entry>) -> result<_, error>",
      "[method]entry.transaction-record-not-cacheable":
        "(self: borrow<entry>, options: write-options) -> result<_, error>",
      "[method]entry.get-suggested-backend-request":
        "(self: borrow<entry>) -> result<request, error>",
      "[method]entry.get-suggested-write-options":
        "(self: borrow<entry>, response: borrow<response>) -> result<suggested-write-options, error>",
      "[method]entry.prepare-response-for-storage":
        "(self: borrow<entry>, response: borrow<response>) -> result<tuple<storage-action, response>, error>",
      "[method]entry.get-found-response":
        "(self: borrow<entry>, transform-for-client: u32) -> result<option<response-with-body>, error>",
      "[method]entry.get-state": "(self: borrow<entry>) -> result<lookup-state, error>",
      "[method]entry.get-length": "(self: borrow<entry>) -> result<option<object-length>, error>",
      "[method]entry.get-max-age-ns": "(self: borrow<entry>) -> result<option<duration-ns>, error>",
      "[method]entry.get-stale-while-revalidate-ns":
        "(self: borrow<entry>) -> result<option<duration-ns>, error>",
      "[method]entry.get-stale-if-error-ns":
        "(self: borrow<entry>) -> result<option<duration-ns>, error>",
      "[method]entry.get-age-ns": "(self: borrow<entry>) -> result<option<duration-ns>, error>",
      "[method]entry.get-hits": "(self: borrow<entry>) -> result<option<cache-hit-count>, error>",
      "[method]entry.get-sensitive-data": "(self: borrow<entry>) -> result<option<bool>, error>",
      "[method]entry.get-surrogate-keys":
        "(self: borrow<entry>, max-len: u64) -> result<option<string>, error>",
      "[method]entry.get-vary-rule":
        "(self: borrow<entry>, max-len: u64) -> result<option<string>, error>",
      "[method]entry.transaction-abandon": "(self: borrow<entry>) -> result<_, error>",
      "[method]entry.step": "(self: borrow<entry>) -> option<pollable>",
      "[method]suggested-write-options.get-max-age-ns":
        "(self: borrow<suggested-write-options>) -> duration-ns",
      "[method]suggested-write-options.get-vary-rule":
        "(self: borrow<suggested-write-options>, max-len: u64) -> result<string, error>",
      "[method]suggested-write-options.get-initial-age-ns":
        "(self: borrow<suggested-write-options>) -> duration-ns",
      "[method]suggested-write-options.get-stale-while-revalidate-ns":
        "(self: borrow<suggested-write-options>) -> duration-ns",
      "[method]suggested-write-options.get-stale-if-error-ns":
        "(self: borrow<suggested-write-options>) -> duration-ns",
      "[method]suggested-write-options.get-surrogate-keys":
        "(self: borrow<suggested-write-options>, max-len: u64) -> result<string, error>",
      "[method]suggested-write-options.get-length":
        "(self: borrow<suggested-write-options>) -> option<object-length>",
      "[method]suggested-write-options.get-sensitive-data":
        "(self: borrow<suggested-write-options>) -> bool",
    },
  },
  "fastly:compute/config-store": {
    uses: {
      "error": "types.error",
      "open-error": "types.open-error",
    },
    resources: ["store"],
    types: {},
    functions: {
      "[static]store.open": "(name: string) -> result<store, open-error>",
      "[method]store.get":
        "(self: borrow<store>, key: string, max-len: u64) -> result<option<string>, error>",
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
  "fastly:compute/compute-runtime": {
    uses: {
      "error": "types.error",
    },
    resources: ["products"],
    types: {
      "vcpu-ms": "u64",
      "memory-mib": "u32",
    },
    functions: {
      "get-vcpu-ms": "() -> vcpu-ms",
      "get-heap-mib": "() -> memory-mib",
      "get-sandbox-id": "() -> string",
      "get-hostname": "() -> string",
      "get-pop": "() -> string",
      "get-region": "() -> string",
      "get-cache-generation": "() -> u64",
      "get-customer-id": "() -> string",
      "get-is-staging": "() -> bool",
      "get-service-id": "() -> string",
      "get-service-version": "() -> u64",
      "get-namespace-id": "() -> string",
      "[static]products.new": "() -> products",
      "[method]products.has-domain-inspector": "(self: borrow<products>) -> result<bool, error>",
      "[method]products.has-image-optimizer": "(self: borrow<products>) -> result<bool, error>",
      "[method]products.has-origin-inspector": "(self: borrow<products>) -> result<bool, error>",
    },
  },
};
