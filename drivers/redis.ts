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

/** A store over Redis that several processes share. */
export interface RedisStorage extends Disposable {
  /** The driver of the KV store of a name, for `ServiceOptions.kvDriver`. */
  readonly kvDriver: (store: string) => KvDriver;
  /** For `ServiceOptions.rateDriver`. */
  readonly rateDriver: (kind: RateKind) => RateDriver;
  /** For `ServiceOptions.cacheDriver`: a second level behind each host's memory. */
  readonly cacheDriver: CacheDriver;
  /** For `ServiceOptions.purgeFeed`; it goes with the driver of the cache. */
  readonly purgeFeed: PurgeFeed;
}

/** Settings of {@linkcode openRedis}. */
export interface RedisOptions {
  /** By default that of the address, if it has one. */
  readonly password?: string | undefined;
  /** Certificates in PEM to trust, for TLS. By default those of the system. */
  readonly ca?: string | undefined;
  /** What all keys begin with: services with different prefixes share nothing. By default `fastlike`. */
  readonly prefix?: string | undefined;
  /** Milliseconds that a call may take. By default 1000. */
  readonly timeout?: number | undefined;
  /**
   * What becomes of rate counters and penalty boxes while the store fails: each host counts by itself (`count-alone`, the
   * default), so that all together let pass up to their number times the limit; or every check finds the entry blocked,
   * and every count is beyond any limit (`refuse`).
   */
  readonly onStoreFailure?: OnStoreFailure | undefined;
  /**
   * Milliseconds for which other hosts wait while one gets an object that is missing in the cache: then another one gets it,
   * too. By default 10,000.
   */
  readonly collapseTime?: number | undefined;
  /** Takes a line for the log: the store is gone, back, or takes no writes. By default nobody does. */
  readonly log?: ((level: "info" | "warning" | "error", message: string) => void) | undefined;
}

const DEFAULT_TIMEOUT = 1000;
const DEFAULT_COLLAPSE_TIME = 10_000;

/**
 * Opens a store.
 *
 * @param address `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, `redis+sentinel://HOST[:PORT],…/NAME[/DATABASE]`,
 * `redis+cluster://HOST[:PORT],…`, each with `rediss` for TLS; or `redis+unix:///PATH`.
 * @throws {TypeError} If the address is none.
 * @throws {Error} If the store cannot be reached, in one line.
 */
export async function openRedis(
  address: string,
  options: RedisOptions = {},
): Promise<RedisStorage> {
  const parsed = parseStoreAddress(address);
  const { prefix = "fastlike", timeout = DEFAULT_TIMEOUT, log, ca } = options;
  const store = await Store.open({
    address: parsed,
    password: options.password ?? parsed.password,
    ca,
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
