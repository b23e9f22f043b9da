import type { FastlikeOptions, Source } from "../mod.ts";
import type { BackendOptions } from "../service/backends/definition.ts";
import type { FactsOverride } from "../service/client/client_facts.ts";
import type { Device } from "../service/client/device.ts";
import type { Geo } from "../service/client/geo.ts";
import type { Entries } from "../service/options.ts";
import type { KvSeed } from "../service/stores/kv/store.ts";
import type { FixtureStore } from "./fixtures.ts";
import type { Mock } from "./mock.ts";

/** Facts about a client. Facts that are left out are those of a client on this machine. */
export interface TestClient extends Omit<FactsOverride, "address"> {
  /** IPv4 or IPv6 address, without port or brackets. By default `127.0.0.1`. */
  readonly ip?: string;
  /** Result of geolocation lookups of the address; fields that are left out are those of `defaultGeo`. */
  readonly geo?: Geo;
  /** Result of device lookups of the client's User-Agent field. */
  readonly device?: Device;
}

/** Options of `TestHost.start`: those of `Fastlike.load`, some under shorter names, and those of the test itself. */
export interface TestHostOptions
  extends Omit<FastlikeOptions, "backends" | "catchAll" | "clock" | "random" | "transportHook"> {
  /** Program: URL (`file:` or `http:`), bytes, response or compiled module. */
  readonly wasm: Source;
  /**
   * Mocks by the name of the backend; or a URL, or an object with a `url`, for a real backend. Under an origin, as
   * `https://example.com`, a mock answers for the backends that the guest registers itself (dynamic ones).
   */
  readonly backends?: Readonly<Record<string, Mock | string | BackendOptions>>;
  /** Answers for all other backends, and for dynamic ones if it is a mock. By default nothing does. */
  readonly catchAll?: Mock | string | BackendOptions;
  /** KV stores by name, on top of `kvStores`. */
  readonly kv?: Readonly<Record<string, KvSeed>>;
  /** Config stores by name, on top of `configStores`. */
  readonly config?: Readonly<Record<string, Entries | (() => Entries)>>;
  /** Secret stores by name, on top of `secretStores`. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>;
  /** Client of the requests. */
  readonly client?: TestClient;
  /** Base of the paths that are fetched. By default `http://localhost`. */
  readonly baseUrl?: string | URL;
  /**
   * Handling of requests that are not mocked: `reject` (the default) rejects `host.fetch` as well, `refuse` only fails the
   * request of the guest.
   */
  readonly unmocked?: "reject" | "refuse";
  /** Whether the clock runs with the machine's (`running`, the default), or only by `advance` (`frozen`). */
  readonly clock?: "running" | "frozen";
  /** Time at the start: milliseconds since 1970, or a date. By default the machine's time. */
  readonly now?: number | Date;
  /** Seed of the guest's randomness, for the same in every run. By default it is secure, and differs between runs. */
  readonly random?: number;
  /** Store to record responses of real backends in. It is written when the host is reset or disposed of. */
  readonly record?: FixtureStore;
  /** Store of responses to replay in place of real backends, so that no request leaves the process. */
  readonly replay?: FixtureStore;
}
