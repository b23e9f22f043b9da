import { parseAcls, parseDevices, parseGeo } from "../manifest/lookups.ts";
import { parseConfigStores, parseKvStores, parseSecretStores } from "../manifest/stores.ts";
import { flag } from "./flag.ts";
import { ON_STORE_FAILURE } from "../../drivers/redis/on_failure.ts";
import { STORE_PASSWORD } from "../store.ts";
import { parseKvFiles, parseNamedFiles, parseOnStoreFailure, parseStore } from "./flag_values.ts";
import { asJsonFile, asJsonFiles, asLookupFile } from "./json_files.ts";

/** Flags of stores and of lookups. */
export const STORES = {
  "kv": flag({
    value: "NAME[=FILE]",
    example: "NAME=FILE",
    repeats: true,
    help: "A KV store, from a JSON file; without one it is empty",
    read: ({ all }) => ({ kvStores: parseKvFiles(all) }),
    options: ({ kvStores }, table) => ({ kvStores: parseKvStores(table(asJsonFiles(kvStores))) }),
  }),
  "config-store": flag({
    value: "NAME=FILE",
    example: "NAME=FILE",
    repeats: true,
    help: "A config store, from a JSON file of texts by key",
    read: ({ all, name }) => ({ configStores: parseNamedFiles(name, all) }),
    options: ({ configStores }, table) => ({
      configStores: parseConfigStores(table(asJsonFiles(configStores))),
    }),
  }),
  "secret-store": flag({
    value: "NAME=FILE",
    example: "NAME=FILE",
    repeats: true,
    help: "A secret store, from a JSON file of texts by key",
    read: ({ all, name }) => ({ secretStores: parseNamedFiles(name, all) }),
    options: ({ secretStores }, table) => ({
      secretStores: parseSecretStores(table(asJsonFiles(secretStores))),
    }),
  }),
  "acl": flag({
    value: "NAME=FILE",
    example: "NAME=FILE",
    repeats: true,
    help: "An ACL, from a JSON file",
    read: ({ all, name }) => ({ acls: parseNamedFiles(name, all) }),
    options: ({ acls }, table) => ({ acls: parseAcls(table(acls)) }),
  }),
  "persist": flag({
    value: "DIR",
    example: "DIR",
    help:
      "Keep KV stores, the cache and rate counters from one start to the next, in a file in this folder",
    read: ({ last }) => ({ persist: last }),
  }),
  "code-cache": flag({
    value: "FOLDER",
    example: "off",
    commands: ["serve"],
    help:
      "Where code is kept that was made of programs, so that those that are known start sooner, or off (default " +
      "FASTLIKE_CODE_CACHE, or a folder of yours, as ~/.cache/fastlike/code); others must not be able to write to it",
    read: ({ last }) => ({ codeCache: last }),
  }),
  "store": flag({
    value: "URL",
    example: "redis://localhost:6379",
    help:
      "Share KV stores, the cache and rate counters with other hosts, in Redis: redis://HOST:PORT, " +
      "redis+sentinel://HOST:PORT,HOST:PORT/NAME or redis+cluster://HOST:PORT,HOST:PORT, rediss for TLS; the " +
      `password is in the variable ${STORE_PASSWORD}`,
    read: ({ last, of }) => ({ store: parseStore(last, of("persist").last) }),
  }),
  "on-store-failure": flag({
    value: "HOW",
    example: "refuse",
    choices: ON_STORE_FAILURE,
    help:
      "What becomes of rate counters and penalty boxes while the store fails: each host counts by itself " +
      "(count-alone, the default), or every check refuses (refuse)",
    read: ({ last }) => ({ onStoreFailure: parseOnStoreFailure(last) }),
  }),
  "geo": flag({
    value: "FILE",
    example: "FILE",
    help: "Where addresses are: JSON by address or range, or a MaxMind .mmdb",
    read: ({ last }) => ({ geo: last }),
    options: async ({ geo }, table) =>
      geo === undefined ? {} : { geo: await parseGeo(table(asLookupFile(geo))) },
  }),
  "device": flag({
    value: "FILE",
    example: "FILE",
    help: "Devices: JSON by User-Agent",
    read: ({ last }) => ({ device: last }),
    options: ({ device }, table) =>
      device === undefined ? {} : { devices: parseDevices(table(asJsonFile(device))) },
  }),
} as const;
