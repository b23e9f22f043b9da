/**
 * Interfaces of drivers for KV stores, the cache and rate counters, and the drivers that keep them in memory.
 * docs/drivers.md says how to write one.
 *
 * ```ts
 * import { memoryDriver, type KvDriver } from "./drivers/mod.ts";
 *
 * const users: KvDriver = memoryDriver();
 * const app = await Fastlike.load(wasm, { kvStores: { users: {} }, kvDriver: () => users });
 * ```
 *
 * @module
 */
export type { Eventually } from "../service/util/eventually.ts";
export type { ByteSource, Payload } from "../service/http/bytes.ts";
export type { HeaderList } from "../service/http/headers.ts";
export type {
  KvDriver,
  KvExpected,
  KvFound,
  KvListed,
  KvRecord,
  Pieces,
} from "../service/stores/kv/driver.ts";
export { memoryDriver } from "../service/stores/kv/memory_driver.ts";
export { KvRoom } from "../service/stores/kv/room.ts";
export type {
  CacheDriver,
  CacheKept,
  CacheRecord,
  ContentId,
  LeaseWanted,
  SharedFound,
  SharedObjects,
} from "../service/cache/driver.ts";
export type { NumberedPurge, Purge, PurgeFeed, PurgesSince } from "../service/cache/purge_feed.ts";
export { memoryCacheDriver } from "../service/cache/memory_driver.ts";
export type {
  RateBucket,
  RateDriver,
  RateIncrement,
  RateKind,
  RateRecord,
  RateSteps,
} from "../service/rate/driver.ts";
export { type MemoryRateDriver, memoryRateDriver } from "../service/rate/memory_driver.ts";
