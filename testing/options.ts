import type { FastlikeOptions, Source } from "../mod.ts";
import type { BackendOptions } from "../service/backends/definition.ts";
import type { FactsOverride } from "../service/client/client_facts.ts";
import type { Device } from "../service/client/device.ts";
import type { Geo } from "../service/client/geo.ts";
import type { Entries } from "../service/options.ts";
import type { KvSeed } from "../service/stores/kv/store.ts";
import type { FixtureStore } from "./fixtures.ts";
import type { Mock } from "./mock.ts";

/** What a test says of a client. What it does not say is as for a client on this machine. */
export interface TestClient extends Omit<FactsOverride, "address"> {
  /** The IPv4 or IPv6 address, without port or brackets. By default `127.0.0.1`. */
  readonly ip?: string;
  /** What look-ups of that address find; what it leaves out is as of `defaultGeo`. */
  readonly geo?: Geo;
  /** What look-ups of the client's User-Agent field find. */
  readonly device?: Device;
}

/** The options of `TestHost.start`: those of `Fastlike.load`, some under shorter names, and those of the test itself. */
export interface TestHostOptions
  extends Omit<FastlikeOptions, "backends" | "catchAll" | "clock" | "random" | "transportHook"> {
  /** The program: a URL (`file:` or `http:`), bytes, a response or a module. */
  readonly wasm: Source;
  /**
   * Mocks by the name of the backend; or a URL, or an object with a `url`, for a real backend. Under an origin, as
   * `https://example.com`, a mock answers for the backends that the guest registers itself (dynamic ones).
   */
  readonly backends?: Readonly<Record<string, Mock | string | BackendOptions>>;
  /** Answers for all backends that nothing else answers for, dynamic ones too if it is a mock. By default nothing does. */
  readonly catchAll?: Mock | string | BackendOptions;
  /** KV stores by name, on top of `kvStores`. */
  readonly kv?: Readonly<Record<string, KvSeed>>;
  /** Config stores by name, on top of `configStores`. */
  readonly config?: Readonly<Record<string, Entries | (() => Entries)>>;
  /** Secret stores by name, on top of `secretStores`. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>;
  /** Who sends the requests. */
  readonly client?: TestClient;
  /** What paths that are fetched belong to. By default `http://localhost`. */
  readonly baseUrl?: string | URL;
  /**
   * What becomes of `host.fetch` when the guest sends what is not mocked: it rejects (`reject`, the default), or the
   * guest alone learns of the failure (`refuse`).
   */
  readonly unmocked?: "reject" | "refuse";
  /** Whether the time runs with the machine's (the default), or stands still until the test moves it. */
  readonly clock?: "running" | "frozen";
  /** The time at the start. By default the machine's. */
  readonly now?: number | Date;
  /** Makes what the guest gets as random the same in every run. By default it is secure, and never the same. */
  readonly random?: number;
  /** Keeps what real backends answer. It is written when the host is reset or disposed of. */
  readonly record?: FixtureStore;
  /** Answers from what was recorded in place of real backends, so that nothing leaves the process. */
  readonly replay?: FixtureStore;
}
