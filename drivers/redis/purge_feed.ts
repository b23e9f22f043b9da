import type {
  NumberedPurge,
  Purge,
  PurgeFeed,
  PurgesSince,
} from "../../service/cache/purge_feed.ts";
import type { Eventually } from "../../service/util/eventually.ts";
import { cacheNames, purgeObjects } from "./cache_index.ts";
import { NUMBER, SINCE } from "./cache_scripts.ts";
import { type Store, StoreError } from "./store.ts";

/** Duration of a lease, for which a host may use its cache without asking for purges, in milliseconds. */
const LEASE = 200;
/** Number of purges that the store remembers. A host that has missed more drops all objects. */
const KNOWN = 10_000;
/** Maximum number of purges in one answer. A host that has missed more drops all objects. */
const ANSWERED = 1000;

/**
 * Opens the feed of purges. A purge is numbered, then applied to the store, and completes when the leases that other hosts
 * had before have expired. While the store fails a host goes on with the objects in its memory. When the store is back the
 * host applies the purges that it has missed, or drops all objects if these are no longer remembered.
 */
export async function redisPurgeFeed(store: Store): Promise<PurgeFeed> {
  const names = cacheNames(store.prefix);
  const keys = [names.lastPurge, names.purges] as const;
  const now = () => `${Math.floor(Date.now() + store.clockAhead)}`;
  const asking = { action: "ask for purges", again: true };
  // A purge that is sent again may be numbered twice, which does no harm.
  const purging = { action: "purge the cache", again: true };
  const followers: ((purge: NumberedPurge) => Eventually<void>)[] = [];

  const ask = async (number: number | undefined): Promise<PurgesSince> => {
    const since = number === undefined ? "" : `${number}`;
    const { last, purges } = await store.run(asking, SINCE, keys, [now(), since, `${ANSWERED}`]);
    return { last, purges: purges?.map(purgeIn) };
  };

  const { last: begin } = await ask(undefined);
  return {
    begin,
    lease: LEASE,
    async publish(purge) {
      const { surrogateKey, soft } = purge;
      const mode = surrogateKey === undefined ? "all" : soft ? "1" : "0";
      const number = await store.run(purging, NUMBER, keys, [
        now(),
        surrogateKey ?? "",
        mode,
        `${KNOWN}`,
      ]);
      const over = new Promise<void>((resolve) => setTimeout(resolve, LEASE));
      for (const follow of followers) void follow({ ...purge, number });
      await Promise.all([purgeObjects(store, purge, number), over]);
    },
    async since(number) {
      try {
        return await ask(number);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        return { last: number, purges: [] };
      }
    },
    follow: (follow) => void followers.push(follow),
  };
}

function purgeIn([number, key, mode]: readonly string[]): NumberedPurge {
  const purge: Purge = mode === "all"
    ? { surrogateKey: undefined, soft: false }
    : { surrogateKey: key!, soft: mode === "1" };
  return { ...purge, number: Number(number) };
}
