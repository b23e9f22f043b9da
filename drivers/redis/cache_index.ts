import { createHash } from "node:crypto";
import type {
  CacheKept,
  CacheRecord,
  ContentId,
  LeaseWanted,
  SharedFound,
  SharedObjects,
} from "../../service/cache/driver.ts";
import { RecencyMap } from "../../service/util/recency_map.ts";
import { FIND, HIDE, PURGE, PUT, RELEASE, USE } from "./cache_scripts.ts";
import type { Contents } from "./contents.ts";
import { type Kept, keptIn } from "./cache_replies.ts";
import { listOf, text } from "./replies.ts";
import type { Store } from "./store.ts";

/** Length of a digest in characters; scripts rely on it. */
const DIGEST = 27;
/** Maximum number of calls at the same time. */
const AHEAD = 50;
/** Minimum time for which an object is kept, in milliseconds, since the clocks of hosts differ. */
const MIN_TTL = 1000;
/** Number of contents whose objects this host remembers. */
const REMEMBERED = 10_000;
/** Time for which lookups do not wait for each other after a response that cannot be shared, in milliseconds. */
const FREE = 1000;

const READING = { action: "read the cache", again: true };
const LOOKING = { action: "look into the cache", again: true };
const WRITING = { action: "write to the cache", again: true };
const PURGING = { action: "purge the cache", again: true };

/** Location of an object in the store. */
interface Location {
  readonly entry: string;
  readonly place: string;
  /** Digests of key and place, as in members of sorted sets. */
  readonly object: string;
}

/** Names of the cache's keys in the store. */
interface CacheNames {
  readonly all: string;
  readonly order: string;
  readonly lastPurge: string;
  readonly purges: string;
  entry(digest: string): string;
  lease(digest: string): string;
  surrogate(key: string): string;
}

/**
 * Returns the names of the cache's keys.
 *
 * @param prefix Prefix of all keys of the store.
 */
export function cacheNames(prefix: string): CacheNames {
  const tag = `{${prefix}:cache}`;
  return {
    all: `${tag}:x`,
    order: `${tag}:o`,
    lastPurge: `${tag}:n`,
    purges: `${tag}:p`,
    entry: (digest) => `${tag}:e:${digest}`,
    lease: (digest) => `${tag}:l:${digest}`,
    surrogate: (key) => `${tag}:s:${key}`,
  };
}

/** Index of the cache's objects, which is on one node of a Cluster. */
export class CacheIndex implements SharedObjects {
  readonly #store: Store;
  readonly #names: CacheNames;
  readonly #contents: Contents;
  readonly #leaseTime: number;
  /**
   * Objects of contents that this host has found or put, since the store may have evicted the content that names its
   * object.
   */
  readonly #objects = new RecencyMap<ContentId, string>();

  /** @param leaseTime Time after which the lease for fetching an object expires, in milliseconds. */
  constructor(store: Store, contents: Contents, leaseTime: number) {
    this.#store = store;
    this.#names = cacheNames(store.prefix);
    this.#contents = contents;
    this.#leaseTime = leaseTime;
  }

  /** Returns all objects, in the order of their puts. */
  async load(): Promise<readonly CacheKept[]> {
    const { all, entry } = this.#names;
    const args = ["ZRANGE", all, "0", "-1"] as const;
    const objects = await this.#store.command(READING, args, listOf(text));
    const digests = [...new Set(objects.map((object) => object.slice(0, DIGEST)))];
    const kept: Kept[] = [];
    for (let at = 0; at < digests.length; at += AHEAD) {
      const fields = digests.slice(at, at + AHEAD).map((digest) =>
        this.#store.command(READING, ["HGETALL", entry(digest)], keptIn)
      );
      for (const some of await Promise.all(fields)) kept.push(...some);
    }
    return kept.sort((a, b) => a.order - b.order);
  }

  /** Stores an object with the last pieces of its content, as {@linkcode CacheDriver.put}. */
  async put(
    record: CacheRecord,
    content: ContentId | undefined,
    pieces: readonly Uint8Array[],
  ): Promise<ContentId | undefined> {
    const ttl = Math.max(MIN_TTL, Math.ceil(record.keepFor));
    const object = `${digestOf(record.key)}:${digestOf(record.place)}`;
    const appended = await this.#contents.append(content, pieces, { name: object, ttl });
    if (!appended) return undefined;
    const { id, before } = appended;
    const displaced = await this.#place(record, { id, object, before, ttl });
    if (displaced === "purged") {
      await this.#contents.remove(id);
      return undefined;
    }
    this.#remember(id, object);
    if (displaced !== undefined) await this.#contents.leave(displaced);
    return id;
  }

  /** Puts an object at its place. Returns the content that was there, or that the object was purged meanwhile. */
  async #place(
    record: CacheRecord,
    { id, object, before, ttl }: {
      readonly id: ContentId;
      readonly object: string;
      /** Object that had the content before, or an empty text. */
      readonly before: string;
      readonly ttl: number;
    },
  ): Promise<ContentId | "purged" | undefined> {
    const names = this.#names;
    const now = this.#now();
    const { entry, place } = this.#location(object);
    const old = before ? this.#location(before) : undefined;
    const surrogates = [...record.surrogateKeys];
    return await this.#store.run(WRITING, PUT, [
      entry,
      old?.entry ?? entry,
      names.all,
      names.order,
      names.lastPurge,
      names.purges,
      ...surrogates.map(names.surrogate),
    ], [
      place,
      object,
      old?.place ?? "",
      old?.object ?? "",
      `${id}`,
      `${Math.ceil(now + ttl)}`,
      `${Math.max(0, Math.ceil(now + record.freshFor))}`, // scripts parse numbers without a sign
      record.number === undefined ? "" : `${record.number}`,
      `${record.length}`,
      `${record.hits}`,
      record.purged ? "1" : "0",
      record.head,
      `${Math.floor(now)}`,
      ...surrogates,
    ]);
  }

  /** Removes the object that has a content from its place. */
  async hide(content: ContentId): Promise<void> {
    const at = await this.#locationOf(content);
    if (!at) return;
    const keys = [at.entry, this.#names.all] as const;
    await this.#store.run(WRITING, HIDE, keys, [at.place, at.object, `${content}`]);
    await this.#contents.leave(content);
  }

  /** Stores the hits of objects, which were used in this order. */
  async use(hits: ReadonlyMap<ContentId, number>): Promise<void> {
    for (const [content, count] of hits) {
      const at = await this.#locationOf(content);
      if (!at) continue;
      const keys = [at.entry, this.#names.order] as const;
      await this.#store.run(WRITING, USE, keys, [at.place, `${content}`, `${count}`]);
    }
  }

  async find(key: string, lease?: LeaseWanted): Promise<SharedFound> {
    const names = this.#names;
    const digest = digestOf(key);
    const leased = names.lease(digestOf(lease?.place ?? ""));
    const mode = lease ? lease.anyway ? "any" : "missing" : "none";
    const keys = [names.entry(digest), names.lastPurge, leased] as const;
    const args = [`${Math.floor(this.#now())}`, lease?.token ?? "", `${this.#leaseTime}`, mode];
    const found = await this.#store.run(LOOKING, FIND, keys, args);
    const objects = found.objects.filter(({ until }) => until > this.#now());
    for (const { content, place } of objects) this.#remember(content, `${digest}:${place}`);
    return { objects, number: found.last, lease: found.lease };
  }

  async release(place: string, token: string, object: boolean): Promise<void> {
    const free = object ? "0" : `${FREE}`;
    await this.#store.run(WRITING, RELEASE, [this.#names.lease(digestOf(place))], [token, free]);
  }

  #now(): number {
    return Date.now() + this.#store.clockAhead;
  }

  #remember(content: ContentId, object: string): void {
    this.#objects.set(content, object);
    if (this.#objects.size > REMEMBERED) this.#objects.delete(this.#objects.oldest!);
  }

  async #locationOf(content: ContentId): Promise<Location | undefined> {
    const object = this.#objects.use(content) ?? await this.#contents.objectOf(content);
    return object === undefined ? undefined : this.#location(object);
  }

  #location(object: string): Location {
    return {
      entry: this.#names.entry(object.slice(0, DIGEST)),
      place: object.slice(DIGEST + 1),
      object,
    };
  }
}

/**
 * Purges the objects that have a surrogate key, or all.
 *
 * @param number Number of the purge: objects that were put after it stay. By default all are purged.
 */
export async function purgeObjects(
  store: Store,
  { surrogateKey, soft }: { readonly surrogateKey: string | undefined; readonly soft: boolean },
  number?: number,
): Promise<void> {
  const names = cacheNames(store.prefix);
  const set = surrogateKey === undefined ? names.all : names.surrogate(surrogateKey);
  const objects = await store.command(PURGING, ["ZRANGE", set, "0", "-1"], listOf(text));
  for (let at = 0; at < objects.length; at += AHEAD) {
    const some = objects.slice(at, at + AHEAD).map((object) =>
      store.run(PURGING, PURGE, [names.entry(object.slice(0, DIGEST)), names.all], [
        object.slice(DIGEST + 1),
        object,
        surrogateKey ?? "",
        soft ? "1" : "0",
        number === undefined ? "" : `${number}`,
      ])
    );
    await Promise.all(some);
  }
}

function digestOf(text: string): string {
  return createHash("sha1").update(text).digest("base64url");
}
