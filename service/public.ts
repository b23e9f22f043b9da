/**
 * What of a service its user sees, for `mod.ts` to hand on. Nothing in this directory imports it.
 *
 * @module
 */

// What a service is made of
export type { BackendLookup, Entries, Products, Pushpin, ServiceOptions } from "./options.ts";
export type { Limit, Limits } from "./limits.ts";
export type {
  BackendDefinition,
  BackendHandler,
  BackendOptions,
  Health,
  Healthcheck,
  PoolLimits,
  TcpKeepAlive,
  TlsVersion,
} from "./backend.ts";
export type { AclEntry } from "./acl.ts";
export type { KvDriver, KvExpected, KvFound, KvListed, KvRecord, Pieces } from "./kv/driver.ts";
export { memoryDriver } from "./kv/memory_driver.ts";
export { KvRoom } from "./kv/room.ts";
export type { KvSeed } from "./kv/store.ts";
export type { CacheDriver, CacheKept, CacheRecord, ContentId } from "./cache/driver.ts";
export { memoryCacheDriver } from "./cache/memory_driver.ts";
export type { RateBucket, RateDriver, RateKind, RateRecord } from "./rate/driver.ts";
export { memoryRateDriver } from "./rate/memory_driver.ts";
export type { ImageOptimizer, ImageOptions } from "./image_optimizer.ts";
export type { ShieldingSite } from "./shielding.ts";
export type { StopSignal } from "./watchdog.ts";
export type { LogEntry, LogLevel, LogSink } from "./log.ts";
export type { ErrorDetails } from "./error_text.ts";

// Who and where a client is
export {
  type BotFacts,
  type ClientFacts,
  type FactsOverride,
  type ProxyFacts,
  type TlsFacts,
  VERIFY_RESULTS,
  type VerifyResult,
  type Visits,
} from "./client_facts.ts";
export { FACT_NAMES } from "./fact_fields.ts";
export type { FactsProvider } from "./facts.ts";
export { type Device, type DeviceLookup, parseDevice } from "./device.ts";
export { defaultGeo, type Geo, geoHandler, type GeoLookup } from "./geo.ts";
export { parseUserAgent, type UserAgent, type UserAgentParser } from "./user_agent.ts";
export type { Inspection, Inspector, Verdict } from "./inspection.ts";

// What a front hands in
export type { ByteSource, Eventually, Payload } from "./bytes.ts";
export type { Status } from "./status.ts";
export type { Traffic } from "./backends.ts";
export { type CacheUse, Usage } from "./usage.ts";
export { type Exchange, HttpVersion, type RequestHead, type ResponseHead } from "./exchange.ts";
export type { GuestMemory } from "./guest_memory.ts";
export { HeaderList } from "./headers.ts";
export type { HandlerInfo } from "./web_exchange.ts";
