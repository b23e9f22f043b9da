import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type {
  CacheDriver,
  CacheKept,
  CacheRecord,
  ContentId,
  SharedObjects,
} from "../../service/cache/driver.ts";
import { RecencyMap } from "../../service/util/recency_map.ts";
import { APPEND, FIND, HIDE, PURGE, PUT, RELEASE, USE } from "./cache_scripts.ts";
import type { Reply } from "./link.ts";
import type { Store } from "./store.ts";

/** Length of a digest in characters; scripts rely on it. */
const DIGEST = 27;
/** Maximum number of pieces in one call. */
const PIECES = 4;
/** Maximum number of calls at the same time. */
const AHEAD = 50;
/** Time for which a content without an object is kept, in milliseconds: before its object is put, and for readers after. */
const LOOSE = 60_000;
/** Minimum time for which an object is kept, in milliseconds, since the clocks of hosts differ. */
const MIN_TTL = 1000;
/** Number of contents whose objects this host remembers. */
const REMEMBERED = 10_000;
/** Time for which lookups do not wait for each other after a response that cannot be shared, in milliseconds. */
const FREE = 1000;

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

/**
 * Makes the driver of the cache. The index of objects is on one node of a Cluster; contents are on all nodes.
 *
 * @param leaseTime Time after which the lease for fetching an object expires, in milliseconds.
 */
export function redisCacheDriver(store: Store, leaseTime: number): Required<CacheDriver> {
  const names = cacheNames(store.prefix);
  const reading = { action: "read the cache", again: true };
  const writing = { action: "write to the cache", again: true };
  // Not sent again: a piece could be appended twice.
  const appending = { action: "write to the cache", again: false };
  const body = (content: ContentId) => `{${store.prefix}:content:${content}}:b`;
  const now = () => Date.now() + store.clockAhead;

  /** Appends pieces. Returns the content, and the object that had it before; undefined if the content is gone. */
  const append = async (
    content: ContentId | undefined,
    pieces: readonly Uint8Array[],
    object: string,
    ttl: number,
  ): Promise<{ readonly id: ContentId; readonly before: string } | undefined> => {
    let id = content ?? newContent();
    let begins = content === undefined;
    let before = "";
    for (let at = 0; at === 0 || at < pieces.length;) {
      const some = pieces.slice(at, at + PIECES).map(bufferOf);
      const args = [begins ? "1" : "0", object, `${ttl}`, ...some];
      const reply = await store.run(appending, APPEND, [body(id)], args);
      if (reply === 0) return undefined;
      if (reply === -1) id = newContent();
      else {
        if (!at) before = `${reply}`;
        at += PIECES;
        begins = false;
      }
    }
    return { id, before };
  };

  // Objects of contents that this host has found or put, since the store may have evicted the content that names its object.
  const objects = new RecencyMap<ContentId, string>();
  const remember = (content: ContentId, object: string): void => {
    objects.set(content, object);
    if (objects.size > REMEMBERED) objects.delete(objects.oldest!);
  };

  const locationOf = async (content: ContentId): Promise<Location | undefined> => {
    const known = objects.use(content);
    if (known) return location(known);
    const at = await store.command(reading, ["HGET", body(content), "at"]);
    return at ? location(`${at}`) : undefined;
  };

  const location = (object: string): Location => ({
    entry: names.entry(object.slice(0, DIGEST)),
    place: object.slice(DIGEST + 1),
    object,
  });

  const hide = async (content: ContentId): Promise<void> => {
    const at = await locationOf(content);
    if (!at) return;
    await store.run(writing, HIDE, [at.entry, names.all], [at.place, at.object, `${content}`]);
    await store.command(writing, ["PEXPIRE", body(content), `${LOOSE}`]);
  };

  const put = async (
    record: CacheRecord,
    content: ContentId | undefined,
    pieces: readonly Uint8Array[],
  ): Promise<ContentId | undefined> => {
    const ttl = Math.max(MIN_TTL, Math.ceil(record.keepFor));
    const object = `${digestOf(record.key)}:${digestOf(record.place)}`;
    const { entry, place } = location(object);
    // The content outlives its object, for readers that have found it.
    const appended = await append(content, pieces, object, ttl + LOOSE);
    if (!appended) return undefined;
    const { id, before } = appended;
    const old = before ? location(before) : undefined;
    const surrogates = [...record.surrogateKeys];
    const displaced = await store.run(writing, PUT, [
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
      `${Math.ceil(now() + ttl)}`,
      `${Math.max(0, Math.ceil(now() + record.freshFor))}`, // scripts parse numbers without a sign
      record.number === undefined ? "" : `${record.number}`,
      `${record.length}`,
      `${record.hits}`,
      record.purged ? "1" : "0",
      record.head,
      `${Math.floor(now())}`,
      ...surrogates,
    ]);
    if (displaced === -1) {
      await store.command(writing, ["UNLINK", body(id)]);
      return undefined;
    }
    const other = `${displaced}`;
    remember(id, object);
    if (other) await store.command(writing, ["PEXPIRE", body(Number(other)), `${LOOSE}`]);
    return id;
  };

  const shared: SharedObjects = {
    async find(key, lease) {
      const keys = [
        names.entry(digestOf(key)),
        names.lastPurge,
        names.lease(digestOf(lease?.place ?? "")),
      ] as const;
      const mode = lease ? lease.anyway ? "any" : "missing" : "none";
      const reply = await store.run({ ...reading, action: "look into the cache" }, FIND, keys, [
        `${Math.floor(now())}`,
        lease?.token ?? "",
        `${leaseTime}`,
        mode,
      ]);
      const [last, state, fields] = reply as readonly [Reply, Reply, readonly Reply[]];
      const objects = keptIn(fields).filter(({ until }) => until > now());
      for (const { content, place } of objects) remember(content, `${digestOf(key)}:${place}`);
      return {
        objects,
        number: Number(`${last}`),
        lease: `${state}` as "none",
      };
    },
    async release(place, token, object) {
      const free = object ? "0" : `${FREE}`;
      await store.run(writing, RELEASE, [names.lease(digestOf(place))], [token, free]);
    },
  };

  return {
    shared,
    async load() {
      const objects = (await store.command(reading, ["ZRANGE", names.all, "0", "-1"])) as Buffer[];
      const digests = [...new Set(objects.map((object) => `${object}`.slice(0, DIGEST)))];
      const kept: Kept[] = [];
      for (let at = 0; at < digests.length; at += AHEAD) {
        const fields = digests.slice(at, at + AHEAD).map((digest) =>
          store.command(reading, ["HGETALL", names.entry(digest)])
        );
        for (const some of await Promise.all(fields)) kept.push(...keptIn(some as Reply[]));
      }
      return kept.sort((a, b) => a.order - b.order);
    },
    async append(content, pieces) {
      const appended = await append(content, pieces, "", LOOSE);
      if (!appended) throw new Error("Cannot write to the cache: the content is gone");
      return appended.id;
    },
    put,
    async has(content) {
      return await store.command(reading, ["EXISTS", body(content)]) === 1;
    },
    async read(content, piece) {
      const bytes = await store.command(reading, ["HGET", body(content), `${piece}`]);
      return Buffer.isBuffer(bytes) ? new Uint8Array(bytes) : undefined;
    },
    hide,
    async free(contents) {
      for (const content of contents) {
        await hide(content);
        await store.command(writing, ["UNLINK", body(content)]);
      }
    },
    purge: (surrogateKey, soft) => purgeObjects(store, names, { surrogateKey, soft }),
    async use(hits) {
      for (const [content, count] of hits) {
        const at = await locationOf(content);
        if (!at) continue;
        const keys = [at.entry, names.order] as const;
        await store.run(writing, USE, keys, [at.place, `${content}`, `${count}`]);
      }
    },
  };
}

/**
 * Purges the objects that have a surrogate key, or all.
 *
 * @param number Number of the purge: objects that were put after it stay. By default all are purged.
 */
export async function purgeObjects(
  store: Store,
  names: CacheNames,
  purge: { readonly surrogateKey: string | undefined; readonly soft: boolean },
  number?: number,
): Promise<void> {
  const { surrogateKey, soft } = purge;
  const purging = { action: "purge the cache", again: true };
  const set = surrogateKey === undefined ? names.all : names.surrogate(surrogateKey);
  const objects = (await store.command(purging, ["ZRANGE", set, "0", "-1"])) as readonly Buffer[];
  for (let at = 0; at < objects.length; at += AHEAD) {
    const some = objects.slice(at, at + AHEAD).map((bytes) => {
      const object = `${bytes}`;
      return store.run(purging, PURGE, [names.entry(object.slice(0, DIGEST)), names.all], [
        object.slice(DIGEST + 1),
        object,
        surrogateKey ?? "",
        soft ? "1" : "0",
        number === undefined ? "" : `${number}`,
      ]);
    });
    await Promise.all(some);
  }
}

/** Object of the store, with the fields that only the driver uses. */
interface Kept extends CacheKept {
  readonly place: string;
  readonly until: number;
  readonly order: number;
}

/** Returns the objects of an entry from the fields of its hash. */
function keptIn(fields: readonly Reply[]): Kept[] {
  const texts = new Map<string, string>();
  for (let i = 0; i < fields.length; i += 2) texts.set(`${fields[i]}`, `${fields[i + 1]}`);
  const kept: Kept[] = [];
  for (const [name, value] of texts) {
    if (!name.endsWith("v")) continue;
    const place = name.slice(0, DIGEST);
    const numbers = value.slice(0, value.indexOf("\n"));
    const head = value.slice(value.indexOf("\n", numbers.length + 1) + 1);
    const [content, until, , , order, length] = numbers.split(" ").map(Number);
    const [hits, used] = texts.get(`${place}h`)!.split(" ").map(Number);
    const purged = texts.has(`${place}p`);
    kept.push({
      place,
      content: content!,
      until: until!,
      order: order!,
      length: length!,
      hits: hits!,
      used: used!,
      purged,
      head,
    });
  }
  return kept;
}

/** Returns a random number of 53 bits for a new content. The store refuses one that is in use. */
function newContent(): ContentId {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! & 0x1fffff) * 2 ** 32 + low!;
}

function digestOf(text: string): string {
  return createHash("sha1").update(text).digest("base64url");
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
