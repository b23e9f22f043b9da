/**
 * Keeps stores, rate counters and the cache in Redis (or Valkey, which speaks the same), for several processes and
 * machines. Takes `--allow-net`, and downloads the package `@redis/client` when the first store is opened.
 *
 * ```ts
 * await using storage = await openRedis("redis://localhost:6379");
 * const { kvDriver, rateDriver, cacheDriver, purgeFeed } = storage;
 * const drivers = { kvDriver, rateDriver, cacheDriver, purgeFeed };
 * const app = await Fastlike.load(wasm, { kvStores: { users: {} }, ...drivers });
 * ```
 *
 * @module
 */
import type { CacheDriver } from "../service/cache/driver.ts";
import type { PurgeFeed } from "../service/cache/purge_feed.ts";
import type { RateDriver, RateKind } from "../service/rate/driver.ts";
import type { KvDriver } from "../service/stores/kv/driver.ts";
import { parseStoreAddress } from "./redis/address.ts";
import { redisCacheDriver } from "./redis/cache.ts";
import { redisKvDriver } from "./redis/kv.ts";
import { redisPurgeFeed } from "./redis/purge_feed.ts";
import { redisRateDriver } from "./redis/rate.ts";
import type { OnStoreFailure } from "./redis/on_failure.ts";
import { Store } from "./redis/store.ts";

export type { OnStoreFailure } from "./redis/on_failure.ts";

/** Drivers over one store in Redis. Disposal closes its connection. */
export interface RedisStorage extends Disposable {
  /** Returns the driver of a KV store by its name, for `ServiceOptions.kvDriver`. */
  readonly kvDriver: (store: string) => KvDriver;
  /** Returns the driver of rate counters or penalty boxes, for `ServiceOptions.rateDriver`. */
  readonly rateDriver: (kind: RateKind) => RateDriver;
  /** Driver for `ServiceOptions.cacheDriver`: a second level behind the memory of each host. */
  readonly cacheDriver: CacheDriver;
  /** Feed for `ServiceOptions.purgeFeed`, needed with the driver of the cache. */
  readonly purgeFeed: PurgeFeed;
}

/** Settings of {@linkcode openRedis}. */
export interface RedisOptions {
  /** Password of the store. By default that in the address, if it has one. */
  readonly password?: string | undefined;
  /** Certificates in PEM to trust, for TLS. By default those of the system. */
  readonly ca?: string | undefined;
  /** This client's certificate in PEM, with `key`: for servers with TLS that ask for one. */
  readonly cert?: string | undefined;
  /** Key of `cert` in PEM. */
  readonly key?: string | undefined;
  /** User and password of the Sentinels, which have a login of their own. By default none. */
  readonly sentinelUsername?: string | undefined;
  /** Password of the Sentinels. */
  readonly sentinelPassword?: string | undefined;
  /** Prefix of all keys. Services with different prefixes share nothing. By default `fastlike`. */
  readonly prefix?: string | undefined;
  /** Time limit of each call, in milliseconds. By default 1000. */
  readonly timeout?: number | undefined;
  /**
   * Handling of rate counters and penalty boxes while the store fails. With `count-alone` (the default) each host counts by
   * itself, so that N hosts let pass up to N times the limit; with `refuse` every entry is in its box, and every count is
   * above any limit.
   */
  readonly onStoreFailure?: OnStoreFailure | undefined;
  /**
   * Time for which other hosts wait while one fetches an object that the cache lacks, in milliseconds; after it another one
   * fetches it, too. By default 10,000.
   */
  readonly collapseTime?: number | undefined;
  /** Called with an entry for the log: the store is gone, back, or takes no writes. By default entries are dropped. */
  readonly log?: ((level: "info" | "warning" | "error", message: string) => void) | undefined;
}

const DEFAULT_TIMEOUT = 1000;
const DEFAULT_COLLAPSE_TIME = 10_000;

/**
 * Connects to a store.
 *
 * @param address `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, `redis+sentinel://HOST[:PORT],…/NAME[/DATABASE]`,
 * `redis+cluster://HOST[:PORT],…`, each with `rediss` for TLS; or `redis+unix:///PATH`.
 * @param options Login, prefix, time limits, and the behaviour while the store fails.
 * @returns The drivers; dispose of them to close the connection.
 * @throws {TypeError} If the address is malformed, or `cert` has no `key`.
 * @throws {Error} If the store cannot be reached; the message is one line.
 */
export async function openRedis(
  address: string,
  options: RedisOptions = {},
): Promise<RedisStorage> {
  const parsed = parseStoreAddress(address);
  const { prefix = "fastlike", timeout = DEFAULT_TIMEOUT, log, ca, cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot use the store: cert and key of its client go together");
  }
  const store = await Store.open({
    address: parsed,
    password: options.password ?? parsed.password,
    ca,
    identity: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    sentinel: { username: options.sentinelUsername, password: options.sentinelPassword },
    prefix,
    timeout,
    report: log ?? (() => {}),
  });
  const host = crypto.randomUUID().slice(0, 8);
  let last = 0;
  const nextId = () => `${host}.${(++last).toString(36)}`;
  const purgeFeed = await redisPurgeFeed(store).catch((error) => {
    store.close();
    throw new Error(`Cannot open the store ${parsed.shown}: ${error.message}`, { cause: error });
  });
  return {
    cacheDriver: redisCacheDriver(store, options.collapseTime ?? DEFAULT_COLLAPSE_TIME),
    purgeFeed,
    kvDriver: (name) => redisKvDriver(store, name, nextId),
    rateDriver: redisRateDriver(store, options.onStoreFailure ?? "count-alone"),
    [Symbol.dispose]: () => store.close(),
  };
}
