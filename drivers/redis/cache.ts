import type { CacheDriver } from "../../service/cache/driver.ts";
import { CacheIndex, purgeObjects } from "./cache_index.ts";
import { Contents } from "./contents.ts";
import type { Store } from "./store.ts";

/**
 * Makes the driver of the cache. The index of objects is on one node of a Cluster; contents are on all nodes.
 *
 * @param leaseTime Time after which the lease for fetching an object expires, in milliseconds.
 */
export function redisCacheDriver(store: Store, leaseTime: number): Required<CacheDriver> {
  const contents = new Contents(store);
  const index = new CacheIndex(store, contents, leaseTime);
  return {
    shared: index,
    load: () => index.load(),
    async append(content, pieces) {
      const appended = await contents.append(content, pieces);
      if (!appended) throw new Error("Cannot write to the cache: the content is gone");
      return appended.id;
    },
    put: (record, content, pieces) => index.put(record, content, pieces),
    has: (content) => contents.has(content),
    read: (content, piece) => contents.read(content, piece),
    hide: (content) => index.hide(content),
    async free(freed) {
      for (const content of freed) {
        await index.hide(content);
        await contents.remove(content);
      }
    },
    purge: (surrogateKey, soft) => purgeObjects(store, { surrogateKey, soft }),
    use: (hits) => index.use(hits),
  };
}
