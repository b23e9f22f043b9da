/** `fastly_object_store`, the older name of KV stores. A lookup of an absent key succeeds without a body. @module */
import { Body } from "../handles/body.ts";
import { PendingKvDelete, PendingKvInsert, PendingKvLookup } from "../handles/kv.ts";
import { HostError } from "../service/errors.ts";
import { KvStore } from "../service/stores/kv/store.ts";
import { call, type Namespace, namespace, wait } from "./_define.ts";
import { content } from "./http_body.ts";
import { ref, take } from "./_in.ts";
import { bodyOf, insert, key, lookUp, open, remove } from "./_kv.ts";
import * as out from "./_out.ts";

const place = [ref(KvStore), key("failed")] as const;
const found = out.optional(out.put(Body));

function bodyIfFound({ settled }: PendingKvLookup): Promise<Body | undefined> {
  return settled.then(bodyOf, (error) => {
    if (error instanceof HostError && error.kind === "absent") return undefined;
    throw error;
  });
}

export const objectStore: Namespace = namespace("fastly_object_store", {
  open,

  lookup: wait(place, found, (_, store, key) => bodyIfFound(lookUp(store, key))),
  lookup_async: call(place, out.put(PendingKvLookup), (_, store, key) => lookUp(store, key)),
  pending_lookup_wait: wait([take(PendingKvLookup)], found, (_, lookup) => bodyIfFound(lookup)),

  insert: wait(
    [...place, content],
    out.none,
    async (sandbox, store, key, body) => (await insert(sandbox, store, key, body)).settled,
  ),
  insert_async: wait(
    [...place, content],
    out.put(PendingKvInsert),
    (sandbox, store, key, body) => insert(sandbox, store, key, body),
  ),
  pending_insert_wait: wait([take(PendingKvInsert)], out.none, (_, { settled }) => settled),

  delete_async: call(
    place,
    out.put(PendingKvDelete),
    (sandbox, store, key) => remove(sandbox, store, key),
  ),
  pending_delete_wait: wait([take(PendingKvDelete)], out.none, (_, { settled }) => settled),
});
