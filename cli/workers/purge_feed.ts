import type { NumberedPurge, Purge, PurgeFeed } from "../../service/cache/purge_feed.ts";
import type { Eventually } from "../../service/util/eventually.ts";
import type { Channel } from "./channel.ts";
import { LEASE_MILLIS } from "./purge_log.ts";

/** A worker's feed of purges, which its supervisor numbers. */
interface WorkerPurges {
  readonly feed: PurgeFeed;
  /** Takes a purge from the supervisor; resolves when it is done. */
  readonly take: (purge: NumberedPurge) => Eventually<void>;
}

/** @param begin Number of the last purge before the worker began. */
export function workerPurges(channel: Channel, begin: number): WorkerPurges {
  // Before there is a cache nothing can be purged; it asks for what it has missed.
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
