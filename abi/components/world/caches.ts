import type { Interface } from "./interface.ts";

/** Interfaces of the caches, which `../caches.ts` implements. */
export const CACHES: Readonly<Record<string, Interface>> = {
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
};
