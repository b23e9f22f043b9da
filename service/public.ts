/**
 * Types and functions of `service/` that public calls take or give, for `mod.ts` to export. Nothing in this directory
 * imports it.
 *
 * @module
 */

// Options of a service
export type {
  BackendLookup,
  Entries,
  Products,
  Pushpin,
  ServiceOptions,
  StopSignal,
} from "./options.ts";
export { type Limit, type LimitName, LIMITS, type Limits } from "./limits.ts";
export type {
  BackendDefinition,
  BackendHandler,
  BackendOptions,
  Health,
  Healthcheck,
  PoolLimits,
  TcpKeepAlive,
  TlsVersion,
} from "./backends/definition.ts";
export type { AclEntry } from "./stores/acl.ts";
export type { KvSeed } from "./stores/kv/store.ts";
export type { ImageOptimizer, ImageOptions } from "./backends/image_optimizer.ts";
export type { ShieldingSite } from "./backends/shielding.ts";
export type { LogEntry, LogLevel, LogSink } from "./log.ts";
export type { ErrorDetails } from "./http/error_text.ts";

export type { Reuse } from "./reuse.ts";
export type { Clock, TimerOptions } from "./util/clock.ts";
export type { CodeCache } from "./util/code_cache.ts";

// State of a service
export type { BackendStats } from "./backends/backend.ts";
export type { Status } from "./status.ts";

// Clients
export type {
  BotFacts,
  ClientFacts,
  FactsOverride,
  ProxyFacts,
  TlsFacts,
  VerifyResult,
  Visits,
} from "./client/client_facts.ts";
export type { FactsProvider } from "./client/facts.ts";
export { type Device, type DeviceLookup, parseDevice } from "./client/device.ts";
export { defaultGeo, type Geo, geoHandler, type GeoLookup } from "./client/geo.ts";
export { parseUserAgent, type UserAgent, type UserAgentParser } from "./client/user_agent.ts";
export type { Inspection, Inspector, Verdict } from "./client/inspection.ts";

// Exchanges, for Fastlike.answer
export type { ByteSource, Eventually, Payload } from "./http/bytes.ts";
export { type CacheUse, RequestMetrics } from "./http/request_metrics.ts";
export {
  type Exchange,
  HttpVersion,
  type RequestHead,
  type ResponseHead,
} from "./http/exchange.ts";
export { HeaderList } from "./http/headers.ts";
export type { HandlerInfo } from "./http/web_exchange.ts";
