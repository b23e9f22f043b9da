import { HostError } from "../service/errors.ts";
import { collect } from "../service/http/bytes.ts";
import { bytesOf } from "../service/stores/entries.ts";
import { faultOfKey } from "../service/stores/kv/keys.ts";
import type { KvStore } from "../service/stores/kv/store.ts";

/** Options of {@linkcode TestKv.put}. */
export interface KvPutOptions {
  /** Metadata of the entry; by default none. */
  readonly metadata?: string;
  /** Seconds until the entry expires; by default it does not. */
  readonly ttl?: number;
}

/** KV store of the guest. */
export class TestKv {
  readonly #store: KvStore;

  /** @ignore Made by `TestHost.kv`. */
  constructor(store: KvStore) {
    this.#store = store;
  }

  /** Reads a value as text in UTF-8; undefined if there is none. */
  async get(key: string): Promise<string | undefined> {
    const bytes = await this.getBytes(key);
    return bytes && new TextDecoder().decode(bytes);
  }

  /** Reads a value in bytes; undefined if there is none. */
  async getBytes(key: string): Promise<Uint8Array | undefined> {
    const found = await orAbsent(this.#store.lookup(key));
    return found && (await collect(found.value)).slice();
  }

  /** Reads the metadata of a key, which may be empty; undefined if there is no such key. */
  async metadata(key: string): Promise<string | undefined> {
    const found = await orAbsent(this.#store.lookup(key));
    if (found && !(found.value instanceof Uint8Array)) found.value.cancel();
    return found?.metadata;
  }

  /**
   * Writes a value, in place of the present one.
   *
   * @throws {TypeError} If a guest could not write under the key, or the value is neither a text nor bytes.
   */
  async put(key: string, value: string | Uint8Array, options: KvPutOptions = {}): Promise<void> {
    const fault = faultOfKey(key);
    if (fault) throw new TypeError(`Cannot write to a KV store: the key "${key}" ${fault}`);
    const bytes = bytesOf("the KV store", key, value);
    await this.#store.insert(key, bytes.length ? [bytes] : [], options);
  }

  /** Deletes a value. Resolves to whether there was one. */
  async delete(key: string): Promise<boolean> {
    return await orAbsent(this.#store.delete(key).then(() => true)) ?? false;
  }

  /** Lists the keys with a prefix, in the order of their bytes. */
  async list(prefix = ""): Promise<string[]> {
    const keys: string[] = [];
    let cursor: string | undefined;
    do {
      const { data, meta } = await this.#store.list({ prefix, cursor });
      keys.push(...data);
      cursor = meta.next_cursor;
    } while (cursor !== undefined);
    return keys;
  }
}

async function orAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof HostError && error.kind === "absent") return undefined;
    throw error;
  }
}
