/** Functions of stores, rate counters, logs and lookups: `kv-store`, `secret-store`, `config-store` and so on. @module */
import type { Body } from "../../handles/body.ts";
import type {
  PendingKvDelete,
  PendingKvInsert,
  PendingKvList,
  PendingKvLookup,
} from "../../handles/kv.ts";
import { LogEndpoint } from "../../handles/log_endpoint.ts";
import type { Sandbox } from "../../handles/sandbox.ts";
import { HostError, refuse } from "../../service/errors.ts";
import { faultOfKey } from "../../service/stores/kv/keys.ts";
import type { KvInsert as KvOptions, KvStore } from "../../service/stores/kv/store.ts";
import type { Hostcall } from "../_define.ts";
import { acl } from "../acl.ts";
import { configStore } from "../config_store.ts";
import { deviceDetection } from "../device_detection.ts";
import { erl } from "../erl.ts";
import { geo } from "../geo.ts";
import { insert, lookUp, remove } from "../_kv.ts";
import { kvStore } from "../kv_store.ts";
import { log } from "../log.ts";
import { secretStore } from "../secret_store.ts";
import {
  hostcall,
  immediate,
  type Implementations,
  invoke,
  octetsOf,
  suspending,
} from "./define.ts";
import { NamedError } from "./errors.ts";
import { KvEntryResource, PenaltyBox, RateCounter } from "./resources.ts";

/** Function that opens a store by its name. A refusal becomes `not-found`, except that of a limit. */
function opening(call: Hostcall | undefined) {
  return immediate((sandbox, name: string) => {
    if (!name) throw new NamedError("invalid-syntax", "Cannot open without a name");
    try {
      return invoke(call, sandbox, name);
    } catch (error) {
      if (!(error instanceof HostError) || error.kind === "limit-exceeded") throw error;
      throw new NamedError("not-found", error.message);
    }
  });
}

// KV stores

const MODES = ["overwrite", "add", "append", "prepend"] as const;
const LIST_MODES = ["strong", "eventual"] as const;

type InsertOptions = [boolean, bigint | undefined, string | undefined, number | undefined, number];
type ListOptions = [number, string | undefined, number | undefined, string | undefined];

function checkedKey(key: string): string {
  const fault = faultOfKey(key);
  return fault ? refuse("invalid", `Cannot use the key "${key}": it ${fault}`) : key;
}

function insertOf([, ifGeneration, metadata, ttl, mode]: InsertOptions): KvOptions {
  const options = { mode: MODES[mode], ifGeneration, metadata, ttl };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as KvOptions;
}

function listing(sandbox: Sandbox, store: KvStore, options: ListOptions): PendingKvList {
  const [mode, cursor, limit, prefix] = options;
  const query = { mode: LIST_MODES[mode], cursor, limit, prefix };
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return invoke(kvStore.calls.list, sandbox, store, Object.fromEntries(given));
}

async function orAbsent<T, E>(work: Promise<T>, otherwise: E): Promise<T | E> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HostError && error.kind === "absent") return otherwise;
    throw error;
  }
}

const findEntry = ({ settled }: PendingKvLookup) =>
  orAbsent(settled.then((entry) => new KvEntryResource(entry)), undefined);
const deleted = ({ settled }: PendingKvDelete) => orAbsent(settled.then(() => true), false);
const page = (sandbox: Sandbox, listing: PendingKvList) =>
  invoke(kvStore.calls.list_wait, sandbox, listing);

export const kvStoreFunctions: Implementations = {
  "[static]store.open": opening(kvStore.calls.open),
  "[method]store.lookup": suspending((_, store: KvStore, key: string) =>
    findEntry(lookUp(store, checkedKey(key)))
  ),
  "[method]store.lookup-async": immediate((_, store: KvStore, key: string) =>
    lookUp(store, checkedKey(key))
  ),
  "[method]store.insert": suspending(
    async (sandbox, store: KvStore, key: string, body: Body, options: InsertOptions) => {
      const { settled } = await insert(sandbox, store, checkedKey(key), body, insertOf(options));
      await settled;
    },
  ),
  "[method]store.insert-async": suspending(
    (sandbox, store: KvStore, key: string, body: Body, options: InsertOptions) =>
      insert(sandbox, store, checkedKey(key), body, insertOf(options)),
  ),
  "[method]store.delete": suspending((sandbox, store: KvStore, key: string) =>
    deleted(remove(sandbox, store, checkedKey(key)))
  ),
  "[method]store.delete-async": immediate((sandbox, store: KvStore, key: string) =>
    remove(sandbox, store, checkedKey(key))
  ),
  "[method]store.list": suspending((sandbox, store: KvStore, options: ListOptions) =>
    page(sandbox, listing(sandbox, store, options))
  ),
  "[method]store.list-async": immediate(listing),
  "await-lookup": suspending((_, pending: PendingKvLookup) => findEntry(pending)),
  "await-insert": suspending((_, { settled }: PendingKvInsert) => settled),
  "await-delete": suspending((_, pending: PendingKvDelete) => deleted(pending)),
  "await-list": suspending(page),
  "[method]entry.take-body": immediate((_, entry: KvEntryResource) => entry.takeBody()),
  "[method]entry.metadata": immediate((_, { entry }: KvEntryResource) =>
    entry.metadata || undefined
  ),
  "[method]entry.generation": immediate((_, { entry }: KvEntryResource) => entry.generation),
};

// Stores that guests only read

const config: Implementations = {
  "open": opening(configStore.calls.open),
  "get": hostcall(configStore.calls.get),
};

export const configStoreFunctions: Implementations = {
  "[static]store.open": config.open!,
  "[method]store.get": config.get!,
};

export const dictionaryFunctions: Implementations = {
  "[static]dictionary.open": config.open!,
  "[method]dictionary.lookup": config.get!,
};

export const secretStoreFunctions: Implementations = {
  "[static]store.open": opening(secretStore.calls.open),
  "[method]store.get": hostcall(secretStore.calls.get),
  "[static]secret.from-bytes": hostcall(secretStore.calls.from_bytes),
  "[method]secret.plaintext": hostcall(secretStore.calls.plaintext),
};

type IpAddress = Parameters<typeof octetsOf>[0];

export const aclFunctions: Implementations = {
  "[static]acl.open": opening(acl.calls.open),
  "[method]acl.lookup": suspending((sandbox, list: object, ip: IpAddress) =>
    invoke(acl.calls.lookup, sandbox, list, octetsOf(ip))
  ),
};

// Rate counters

type Check = [
  entry: string,
  delta: number,
  window: number,
  limit: number,
  box: PenaltyBox,
  ttl: number,
];

export const erlFunctions: Implementations = {
  "[static]rate-counter.open": immediate((_, name: string) => new RateCounter(name)),
  "[method]rate-counter.get-name": immediate((_, { name }: RateCounter) => name),
  "[method]rate-counter.check-rate": suspending(
    (sandbox, { name }: RateCounter, ...check: Check) => {
      const [entry, delta, window, limit, box, ttl] = check;
      const values = [name, entry, delta, window, limit, box.name, ttl];
      return invoke(erl.calls.check_rate, sandbox, ...values);
    },
  ),
  "[method]rate-counter.increment": suspending(
    (sandbox, { name }: RateCounter, entry: string, delta: number) =>
      invoke(erl.calls.ratecounter_increment, sandbox, name, entry, delta),
  ),
  "[method]rate-counter.lookup-rate": suspending(
    (sandbox, { name }: RateCounter, entry: string, window: number) =>
      invoke(erl.calls.ratecounter_lookup_rate, sandbox, name, entry, window),
  ),
  "[method]rate-counter.lookup-count": suspending(
    (sandbox, { name }: RateCounter, entry: string, duration: number) =>
      invoke(erl.calls.ratecounter_lookup_count, sandbox, name, entry, duration),
  ),
  "[static]penalty-box.open": immediate((_, name: string) => new PenaltyBox(name)),
  "[method]penalty-box.get-name": immediate((_, { name }: PenaltyBox) => name),
  "[method]penalty-box.add": suspending((
    sandbox,
    { name }: PenaltyBox,
    entry: string,
    ttl: number,
  ) => invoke(erl.calls.penaltybox_add, sandbox, name, entry, ttl)),
  "[method]penalty-box.has": suspending((sandbox, { name }: PenaltyBox, entry: string) =>
    invoke(erl.calls.penaltybox_has, sandbox, name, entry)
  ),
};

// Logs and look-ups

export const logFunctions: Implementations = {
  "[static]endpoint.open": immediate((sandbox, name: string) => {
    try {
      return invoke(log.calls.endpoint_get, sandbox, name);
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      const named = error.kind === "limit-exceeded" ? "name-too-long" : "reserved";
      throw new NamedError(named, error.message);
    }
  }),
  "[method]endpoint.clone": immediate((_, { name }: LogEndpoint) => new LogEndpoint(name)),
  "[method]endpoint.write": hostcall(log.calls.write),
};

export const geoFunctions: Implementations = {
  "lookup": immediate((sandbox, ip: IpAddress) => invoke(geo.calls.lookup, sandbox, octetsOf(ip))),
};

export const deviceDetectionFunctions: Implementations = {
  "lookup": hostcall(deviceDetection.calls.lookup),
};
