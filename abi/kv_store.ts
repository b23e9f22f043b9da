/** `fastly_kv_store`: KV stores. Each operation has a call that starts it and one that waits for it. @module */
import { Body } from "../handles/body.ts";
import { PendingKvDelete, PendingKvInsert, PendingKvList, PendingKvLookup } from "../handles/kv.ts";
import { refuse } from "../service/errors.ts";
import { KvStore } from "../service/stores/kv/store.ts";
import { call, type Hostcall, type Input, type Namespace, namespace, wait } from "./_define.ts";
import type { Output } from "./_define.ts";
import { content } from "./http_body.ts";
import { oneOf, options, ref, take, text, u32, u64, unsigned } from "./_in.ts";
import { bodyOf, insert, key, lookUp, open, remove } from "./_kv.ts";
import * as out from "./_out.ts";

/** Cases of the ABI's `kv_error`. */
const kvError = {
  "ok": 1,
  "bad-request": 2,
  "absent": 3,
  "precondition-failed": 4,
  "too-large": 5,
  "internal": 6,
} as const;

const encoder = new TextEncoder();

/** Text that must not be empty. */
const someText: Input<string> = {
  coreTypes: text.coreTypes,
  read: (sandbox, args, at) =>
    text.read(sandbox, args, at) || refuse("invalid", "Cannot use an empty text as an option"),
};

/** Options record whose first field has no bit; a null record stands for the defaults. */
function orNone<T extends object>(options: Input<T>): Input<Partial<T>> {
  return {
    coreTypes: options.coreTypes,
    read: (sandbox, args, at) =>
      unsigned(args, at) || unsigned(args, at + 1) ? options.read(sandbox, args, at) : {},
  };
}

/** Options of lookups and deletions, of which there are none. */
const nothing = options({}, { reserved: 0 });
const insertOptions = orNone(options({
  mode: oneOf("overwrite", "add", "append", "prepend"),
  unused: u32,
  metadata: [3, someText],
  ttl: [4, u32],
  ifGeneration: [5, u64],
}, { reserved: 0, backgroundFetch: 1, reserved2: 2 }));
const listOptions = orNone(options({
  mode: oneOf("strong", "eventual"),
  cursor: [1, someText],
  limit: [2, u32],
  prefix: [3, someText],
}, { reserved: 0 }));

const lookup = call(
  [ref(KvStore), key("invalid"), nothing],
  out.put(PendingKvLookup),
  (_, store, key) => lookUp(store, key),
);

/**
 * Hostcall that waits for a lookup.
 *
 * @param output Output of the generation.
 * @param generation Returns the value to write for a generation.
 */
function lookupWait<G>(output: Output<G>, generation: (real: bigint) => NoInfer<G>): Hostcall {
  const entry = out.all({ body: out.put(Body), metadata: out.text, generation: output });
  return wait([take(PendingKvLookup)], out.reporting(entry, kvError), async (_, { settled }) => {
    const entry = await settled;
    const { metadata } = entry;
    return { body: bodyOf(entry), metadata, generation: generation(entry.generation) };
  });
}

export const kvStore: Namespace = namespace("fastly_kv_store", {
  open,
  open_v2: open,

  lookup,
  lookup_v2: lookup,
  /** Returns the generation 0, since generations do not fit its 32 bits. */
  lookup_wait: lookupWait(out.u32, () => 0),
  lookup_wait_v2: lookupWait(out.u64, (generation) => generation),

  insert: wait(
    [ref(KvStore), key("invalid"), content, insertOptions],
    out.put(PendingKvInsert),
    (sandbox, store, key, body, options) => insert(sandbox, store, key, body, options),
  ),
  insert_wait: wait(
    [take(PendingKvInsert)],
    out.reporting(out.none, kvError),
    (_, { settled }) => settled,
  ),

  delete: call(
    [ref(KvStore), key("invalid"), nothing],
    out.put(PendingKvDelete),
    (sandbox, store, key) => remove(sandbox, store, key),
  ),
  delete_wait: wait(
    [take(PendingKvDelete)],
    out.reporting(out.none, kvError),
    (_, { settled }) => settled,
  ),

  list: call(
    [ref(KvStore), listOptions],
    out.put(PendingKvList),
    (_, store, query) => new PendingKvList(store.list(query)),
  ),
  /** Returns a body with the page as JSON. */
  list_wait: wait(
    [take(PendingKvList)],
    out.reporting(out.put(Body), kvError),
    async (_, { settled }) => Body.of(encoder.encode(JSON.stringify(await settled))),
  ),
});
