import type { BackendDefinition } from "./backend.ts";
import type { GeoLookup } from "./geo.ts";
import type { LogSink } from "./log.ts";
import type { UserAgentParser } from "./user_agent.ts";

/** Bounds on what guests may use. */
export interface Limits {
  /** Bytes of linear memory per instance, rounded down to pages of 64 KiB: growth past it fails. By default 128 MiB. */
  readonly memory?: number;
  /** Instances that live at the same time; requests beyond wait for one. By default 1000. */
  readonly instances?: number;
}

/** Finds the backend of a name, or nothing. */
export type BackendLookup = (name: string) => BackendDefinition | undefined;

/** What a service is made of: plain data and small functions, each with a default. Flags and fastly.toml end here too. */
export interface ServiceOptions {
  /**
   * Backends by name. A function answers for every name: it is a {@linkcode ServiceOptions.catchAll} and nothing else.
   */
  readonly backends?: Readonly<Record<string, BackendDefinition>> | BackendLookup;
  /**
   * Answers for names that nothing else defines: `exists` is true for them. A guest may still register a dynamic
   * backend under such a name.
   */
  readonly catchAll?: BackendDefinition;
  /** Config stores (and dictionaries) by name, each a record of strings. */
  readonly configStores?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Where an address is. By default {@linkcode loopbackGeo}. */
  readonly geo?: GeoLookup;
  /** Reads User-Agent fields for `fastly_uap.parse`. By default the standard library's parser. */
  readonly userAgentParser?: UserAgentParser;
  /** Takes every log entry. By default nobody does. */
  readonly log?: LogSink;
  /** Whether hostcalls are logged too, which costs time. */
  readonly logHostcalls?: boolean;
  /** The guest's environment, on top of the `FASTLY_*` variables of the platform. */
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: Limits;
  /**
   * Whether requests that came through this host before are refused (508), by the `cdn-loop` field that is then added
   * to every request to a backend. Off by default: a guest may fetch itself.
   */
  readonly loopGuard?: boolean;
}
