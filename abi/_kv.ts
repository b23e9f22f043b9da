/** Parts that the two namespaces of KV stores share. @module */
import { Body } from "../handles/body.ts";
import { PendingKvDelete, PendingKvInsert, PendingKvLookup } from "../handles/kv.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { describe, HostError, isReported, type Refusal, refuse } from "../service/errors.ts";
import { faultOfKey } from "../service/stores/kv/keys.ts";
import { gather } from "../service/stores/kv/pieces.ts";
import { type KvEntry, type KvInsert as Options, KvStore } from "../service/stores/kv/store.ts";
import { call, type Hostcall, type Input } from "./_define.ts";
import { text } from "./_in.ts";
import * as out from "./_out.ts";

/** Hostcall `open`. */
export const open: Hostcall = call(
  [text],
  out.put(KvStore),
  (sandbox, name) => {
    const store = sandbox.service.kvStores.get(name);
    if (store) return store;
    sandbox.reportMissing("KV store", name);
    refuse("invalid", `Cannot open KV store "${name}": there is none`);
  },
);

/** Valid key of a KV store. Others are refused as `kind`, which differs between the namespaces. */
export function key(kind: Refusal): Input<string> {
  return {
    coreTypes: text.coreTypes,
    read(sandbox, args, at) {
      const key = text.read(sandbox, args, at);
      const fault = faultOfKey(key);
      return fault ? refuse(kind, `Cannot use the key "${key}": it ${fault}`) : key;
    },
  };
}

/** Starts a lookup. */
export function lookUp(store: KvStore, key: string): PendingKvLookup {
  return new PendingKvLookup(store.lookup(key));
}

/** Starts a deletion. */
export function remove(sandbox: Sandbox, store: KvStore, key: string): PendingKvDelete {
  return new PendingKvDelete(store.delete(key), reporterOf(sandbox));
}

/** Returns a function that logs the failure of a change that the guest does not wait for. Refusals are not logged. */
function reporterOf(sandbox: Sandbox): (error: unknown) => void {
  const { service, requests: { quota, current: { id } } } = sandbox;
  return (error) => {
    if (!(error instanceof HostError)) {
      const level = isReported(error) ? "debug" : "error";
      service.report(level, `A change to a KV store failed: ${describe(error)}`, id);
    } else if (error.limit) quota.note(error);
  };
}

/**
 * Starts an insert once the body has been read to its end. If the body is cut, this call is refused; if it is too large, the
 * insert fails.
 */
export async function insert(
  sandbox: Sandbox,
  store: KvStore,
  key: string,
  body: Body,
  options?: Options,
): Promise<PendingKvInsert> {
  const value = gather(body.source(sandbox));
  const insert = new PendingKvInsert(
    value.then((value) => store.insert(key, value, options)),
    reporterOf(sandbox),
  );
  await value.catch((error) => {
    if (!(error instanceof HostError) || error.kind !== "too-large") throw error;
  });
  return insert;
}

/** Makes a body of the value of an entry. */
export function bodyOf({ value }: KvEntry): Body {
  return Body.of(value);
}
