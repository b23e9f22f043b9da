import type { NumberedPurge, Purge, PurgeFeed } from "../../service/cache/purge_feed.ts";
import type { Eventually } from "../../service/util/eventually.ts";
import type { Channel } from "./channel.ts";
import { LEASE_MILLIS } from "./purge_log.ts";

/** Feed of a worker's purges, which the supervisor numbers, and the way in which others' purges arrive. */
interface WorkerPurges {
  readonly feed: PurgeFeed;
  /** Applies a purge that the supervisor has sent; resolves when it is done. */
  readonly take: (purge: NumberedPurge) => Eventually<void>;
}

/**
 * Makes the feed of a worker.
 *
 * @param begin Number of the last purge before the worker started.
 */
export function workerPurges(channel: Channel, begin: number): WorkerPurges {
  // Until there is a cache, purges are ignored: the cache asks for those since `begin` when it starts.
  let take: (purge: NumberedPurge) => Eventually<void> = () => {};
  const feed: PurgeFeed = {
    begin,
    lease: LEASE_MILLIS,
    publish: (purge: Purge) => channel.ask<void>("publish", purge),
    since: (number) => channel.ask("since", number),
    follow: (follow) => void (take = follow),
  };
  return { feed, take: (purge) => take(purge) };
}
