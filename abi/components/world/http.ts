import type { Interface } from "./interface.ts";

/** Interfaces of requests, responses, bodies and the client, which `../http.ts` implements. */
export const HTTP: Readonly<Record<string, Interface>> = {
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
};
