import type { Interface } from "./interface.ts";

/** Interfaces of stores, lookups, rate counters and logs, which `../stores.ts` implements. */
export const STORES: Readonly<Record<string, Interface>> = {
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
};
