import type { Entries } from "./stores/config.ts";
import type { AclEntry } from "./stores/acl.ts";
import type { BackendDefinition } from "./backends/definition.ts";
import type { TransportHook } from "./backends/transport.ts";
import type { Clock } from "./util/clock.ts";
import type { CacheDriver } from "./cache/driver.ts";
import type { PurgeFeed } from "./cache/purge_feed.ts";
import type { DeviceLookup } from "./client/device.ts";
import type { KvDriver } from "./stores/kv/driver.ts";
import type { KvSeed } from "./stores/kv/store.ts";
import type { ShieldingSite } from "./backends/shielding.ts";
import type { FactsOverride } from "./client/client_facts.ts";
import type { ErrorDetails } from "./http/error_text.ts";
import type { FactsProvider } from "./client/facts.ts";
import type { GeoLookup } from "./client/geo.ts";
import type { ImageOptimizer } from "./backends/image_optimizer.ts";
import type { Inspector } from "./client/inspection.ts";
import type { Limits } from "./limits.ts";
import type { LogSink } from "./log.ts";
import type { RateDriver, RateKind } from "./rate/driver.ts";
import type { Reuse } from "./reuse.ts";
import type { CodeCache } from "./util/code_cache.ts";
import type { ComponentLoader } from "./util/component_loader.ts";
import type { UserAgentParser } from "./client/user_agent.ts";

export type { Entries } from "./stores/config.ts";

/** Fastly's products that a guest may ask about. */
export interface Products {
  /** By default `false`. */
  readonly domainInspector?: boolean;
  /** By default whether {@linkcode ServiceOptions.imageOptimizer} is set. */
  readonly imageOptimizer?: boolean;
  /** By default `false`. */
  readonly originInspector?: boolean;
}

/** Signal at which a guest that does not pause is stopped. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** Address of a Pushpin process. The ids of its routes are names of backends. */
export interface Pushpin {
  /** Host name or address, without port. By default `127.0.0.1`. */
  readonly host?: string;
  /** TCP port on which it accepts HTTP requests, without TLS. */
  readonly port: number;
}

/** Returns the backend of a name, or undefined. Called each time that a guest uses the name. */
export type BackendLookup = (name: string) => BackendDefinition | undefined;

/** Options of a service: plain data and small functions, each with a default. Flags and fastly.toml are read into these. */
export interface ServiceOptions {
  /**
   * Backends by name; a URL that is not valid makes `Fastlike.load` throw a `TypeError`. A function is called for every
   * name, as {@linkcode ServiceOptions.catchAll} without any named backend. By default there are none.
   */
  readonly backends?: Readonly<Record<string, BackendDefinition>> | BackendLookup;
  /**
   * Backend for each name that is not defined; `exists` is true for all names then. A guest may still register a dynamic
   * backend under such a name. By default there is none.
   */
  readonly catchAll?: BackendDefinition;
  /** Certificates in PEM to trust for backends with TLS that have no `ca` of their own. By default the system's. */
  readonly ca?: string;
  /** Config stores (and dictionaries) by name: entries, or a function that is called each time a guest opens the store. */
  readonly configStores?: Readonly<Record<string, Entries | (() => Entries)>>;
  /** Secret stores by name: a secret for each key, as bytes or as a text, which becomes UTF-8. */
  readonly secretStores?: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>;
  /**
   * KV stores by name, with their initial entries. With a driver that persists, an initial entry is written unless the
   * program has written one under the same key. By default there are none.
   */
  readonly kvStores?: Readonly<Record<string, KvSeed>>;
  /** Returns the driver of a KV store. By default stores are in memory. */
  readonly kvDriver?: (store: string) => KvDriver;
  /** Driver that persists cached objects. By default the cache is in memory alone. */
  readonly cacheDriver?: CacheDriver;
  /** Feed of purges by other hosts or processes that cache the same objects, in one order. By default there is none. */
  readonly purgeFeed?: PurgeFeed;
  /** Returns the driver of rate counters, or of penalty boxes. By default both are in memory. */
  readonly rateDriver?: (kind: RateKind) => RateDriver;
  /** ACLs by name. A prefix that is not valid makes `Fastlike.load` throw a `TypeError`. By default there are none. */
  readonly acls?: Readonly<Record<string, readonly AclEntry[]>>;
  /** Detects the device of a User-Agent field. By default {@linkcode parseDevice}. */
  readonly devices?: DeviceLookup;
  /** Shielding sites by name (`pdx-or-us`). By default there are none. */
  readonly shieldingSites?: Readonly<Record<string, ShieldingSite>>;
  /** Values of the field `fastly-key` for which `fastly_key_is_valid` is true. By default there are none. */
  readonly fastlyKeys?: readonly string[];
  /**
   * Facts of a client that only Fastly's network has: fingerprints, bots, proxies, and so on; or an address in place of
   * the real one. The same for all requests, or a function that is called for each. They override what the server knows.
   */
  readonly clientFacts?: FactsOverride | FactsProvider;
  /**
   * Prefix of request fields that set facts of the client, for tests: with `x-test-`, `x-test-ja4: …`. They override all
   * other facts, and the guest sees them. docs/support.md has the names behind the prefix. By default no field does,
   * since any client could set any fact.
   */
  readonly factsPrefix?: string;
  /**
   * Whether the request fields `x-fastly-bot-analyzed`, `-detected`, `-name`, `-category` and `-verified` set facts of
   * bots, as in Viceroy, for tests. They override {@linkcode ServiceOptions.clientFacts}. By default they do if
   * {@linkcode ServiceOptions.factsPrefix} is set.
   */
  readonly botHeaders?: boolean;
  /**
   * Whether responses of backends are cached as at Fastly. By default `true`. With `false` every request goes to its
   * backend, and programs can put nothing into the HTTP cache.
   */
  readonly cache?: boolean;
  /** Fastly's products that guests are told the service has. By default none but the image optimizer, if there is one. */
  readonly products?: Products;
  /**
   * Trusted proxies in front of the service: addresses, ranges (`10.0.0.0/8`), or the names `loopback` and `private`. The
   * client and the scheme of a request from one of them are taken from `x-forwarded-for` and `x-forwarded-proto`. A range
   * that is not valid makes `Fastlike.load` throw a `TypeError`. By default no proxy is trusted.
   */
  readonly trustProxy?: readonly string[];
  /**
   * Content of the response to a request whose program fails: the error with the names of the guest's functions
   * (`details`), or only the id of the request in the log (`brief`). By default a client on a loopback address gets
   * `details` unless {@linkcode ServiceOptions.trustProxy} is set, any other client `brief`.
   */
  readonly errors?: ErrorDetails;
  /** Whether guests may hand off requests, such as those of WebSockets, to a backend. By default `true`. */
  readonly websockets?: boolean;
  /** Pushpin that requests are handed off to for Fanout. Without one guests get the status `unsupported`. */
  readonly pushpin?: Pushpin;
  /**
   * Function that returns the time in milliseconds since 1970, for guests and for expiry in stores; or a clock, which is
   * also used for all timers of the service. By default the machine's.
   */
  readonly clock?: (() => number) | Clock;
  /** Fills an array with random bytes, which guests get. By default `crypto.getRandomValues`. */
  readonly random?: (bytes: Uint8Array) => void;
  /** Decides on requests that guests pass to the Next-Gen WAF for inspection. By default all are allowed. */
  readonly inspect?: Inspector;
  /** Transforms images for guests; `drivers/images.ts` has one. Without one guests get the status `unsupported`. */
  readonly imageOptimizer?: ImageOptimizer;
  /**
   * Loads programs that are components, as Fastly's Python SDK makes them: `componentLoader` of
   * `drivers/components.ts`. By default there is none, and a component is refused.
   */
  readonly components?: ComponentLoader;
  /**
   * Keeps code that was made of programs, so that a program that is known is loaded sooner. Its writers decide which code
   * runs. By default nothing is kept.
   */
  readonly codeCache?: CodeCache;
  /**
   * Whether a program's code stays in memory in both of its forms, some three times the size of its file, so that a build
   * of it that differs in a part of its functions, or in its data alone, is reloaded sooner. By default `false`; for
   * development.
   */
  readonly quickReload?: boolean;
  /** Returns the location of an address. By default loopback addresses are at Fastly's head office, others unknown. */
  readonly geo?: GeoLookup;
  /** Parses User-Agent fields for `fastly_uap.parse`. By default the standard library's parser. */
  readonly userAgentParser?: UserAgentParser;
  /** Takes every log entry. By default none is made. */
  readonly log?: LogSink;
  /** Whether hostcalls are logged too, which costs time. By default they are not. */
  readonly logHostcalls?: boolean;
  /** Environment variables of guests, besides the `FASTLY_*` variables of the platform. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Whether an instance of the program serves one request after another, reset to its first state between them, if the
   * program allows that; or each request gets a new one (`never`). A reset copies back the 1 KiB pages that were written
   * to (`dirty-pages`), or all of the memory (`snapshot`), or whichever the first requests show to be cheaper (`auto`,
   * the default). The former names `cards` and `image` mean `dirty-pages` and `snapshot`. Any other name fails
   * `Fastlike.load` with a `TypeError`.
   */
  readonly reuse?: Reuse | "cards" | "image";
  /**
   * Number of instances that are started ahead of requests and wait for one inside the call that asks for it, for programs
   * that run long before it, as those of Go do. Until then such an instance has read clocks and random numbers that are
   * older than its request; docs/guests.md says what else follows. By default 0. Any other number that is not whole fails
   * `Fastlike.load` with a `TypeError`.
   */
  readonly park?: number;
  /**
   * Effect of an import that this host does not have: a call of it ends the guest (`trap`, the default), or the load
   * fails.
   */
  readonly unknownImports?: "trap" | "refuse";
  /**
   * Whether to load a program to which `cpu_time` or `memory` cannot be applied, because V8 does not compile it with the
   * code that they need, or because it has types of garbage collection. The log then names the limit. By default the load
   * of such a program fails.
   */
  readonly allowUnlimited?: boolean;
  /** The guest's arguments, after its name. By default there are none. */
  readonly args?: readonly string[];
  /**
   * Called with the bytes that a guest writes to its standard output and error, and with the id of its request. By
   * default the log gets them line by line.
   */
  readonly stdio?: (stream: "stdout" | "stderr", bytes: Uint8Array, requestId: string) => void;
  /** Limits to set; others have their defaults. One that is not valid makes `Fastlike.load` throw a `TypeError`. */
  readonly limits?: Limits;
  /**
   * Signals at which a guest is stopped if it runs for 300 ms without waiting, since its thread cannot handle a signal
   * meanwhile. For processes that exit at these signals. By default there are none.
   */
  readonly signals?: readonly StopSignal[];
  /**
   * Whether requests that have passed through this host before get a 508. They are recognized by the field `cdn-loop`
   * (RFC 8586), which is then added to every request to a backend. By default `false`, since a guest may fetch itself.
   */
  readonly loopGuard?: boolean;
  /** @ignore Used by the test harness. */
  readonly transportHook?: TransportHook;
}
