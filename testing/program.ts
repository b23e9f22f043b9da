import { Fastlike, type FastlikeOptions, ProgramCache } from "../mod.ts";
import type {
  BackendDefinition,
  BackendHandler,
  BackendOptions,
} from "../service/backends/definition.ts";
import { describe } from "../service/errors.ts";
import { limitsOf } from "../service/limits.ts";
import type { LogEntry } from "../service/log.ts";
import { memoryDriver } from "../service/stores/kv/memory_driver.ts";
import { KvRoom } from "../service/stores/kv/room.ts";
import { KvStore } from "../service/stores/kv/store.ts";
import type { Clock } from "../service/util/clock.ts";
import { isPlainObject } from "../service/util/plain_object.ts";
import { Clients } from "./clients.ts";
import { TestClock } from "./clock.ts";
import type { TestExchange } from "./exchange.ts";
import { type Mock, mockBackend, UnmockedRequestError } from "./mock.ts";
import type { TestHostOptions } from "./options.ts";
import { seededRandom } from "./random.ts";
import { TestTransportHook } from "./transport_hook.ts";

const ORIGIN = /^https?:\/\//;

// A process compiles each program once, however many of its tests use it.
const programs = new ProgramCache();

/** Program that runs for tests, with the objects that belong to it. A reset makes all of them anew. */
export interface TestProgram {
  readonly app: Fastlike;
  readonly clock: TestClock;
  readonly clients: Clients;
  readonly transportHook: TestTransportHook;
  readonly kv: ReadonlyMap<string, KvStore>;
  readonly entries: readonly LogEntry[];
  /** Functions that reject requests of the test which have no response yet. */
  readonly pending: Map<TestExchange, (error: unknown) => void>;
  /** Requests whose guests have not ended. */
  readonly unended: Set<Promise<void>>;
  /** Seeds the guest's randomness. */
  seed(seed: number): void;
}

/**
 * Starts a program for tests.
 *
 * @param start Initial time, in milliseconds since 1970.
 */
export async function startProgram(options: TestHostOptions, start: number): Promise<TestProgram> {
  const clock = new TestClock(start, options.clock === "frozen");
  const clients = new Clients(options.client ?? {}, options);
  const entries: LogEntry[] = [];
  const pending: TestProgram["pending"] = new Map();
  const log = (entry: LogEntry) => {
    entries.push(entry);
    clock.note();
    return options.log?.(entry);
  };
  const unanswered = (error: Error, requestId: string | undefined) => {
    const { message } = error;
    log({ kind: "host", level: "error", message, ...requestId !== undefined && { requestId } });
    if (error instanceof UnmockedRequestError && options.unmocked === "refuse") return;
    for (const [exchange, fail] of pending) {
      if (exchange.metrics.requestId === requestId) fail(error);
    }
  };
  const { defined, transportHook } = backendsOf(options, clock, log, unanswered);
  const { kvDriver, kv } = kvOf(options, clock);
  const randomness = {
    fill: options.random === undefined ? fillSecurely : seededRandom(options.random),
  };
  const app = await Fastlike.load(options.wasm, {
    ...serviceOptionsOf(options),
    ...clients.options,
    ...defined,
    kvDriver,
    clock,
    random: (bytes) => randomness.fill(bytes),
    log,
    programs: options.programs ?? programs,
    transportHook,
  });
  return {
    app,
    clock,
    clients,
    transportHook,
    kv,
    entries,
    pending,
    unended: new Set(),
    seed: (seed) => randomness.fill = seededRandom(seed),
  };
}

/** Returns the options of the service: without those of the test, and with short names replaced. */
function serviceOptionsOf(options: TestHostOptions): FastlikeOptions {
  const {
    wasm: _wasm,
    backends: _backends,
    catchAll: _catchAll,
    kv,
    config,
    secrets,
    client: _client,
    baseUrl: _baseUrl,
    unmocked: _unmocked,
    clock: _clock,
    now: _now,
    random: _random,
    record: _record,
    replay: _replay,
    ...rest
  } = options;
  return {
    ...rest,
    kvStores: { ...rest.kvStores, ...kv },
    configStores: { ...rest.configStores, ...config },
    secretStores: { ...rest.secretStores, ...secrets },
  };
}

function backendsOf(
  { backends = {}, catchAll, record, replay }: TestHostOptions,
  clock: TestClock,
  log: (entry: LogEntry) => void,
  unanswered: (error: Error, requestId: string | undefined) => void,
): {
  readonly defined: Pick<FastlikeOptions, "backends" | "catchAll">;
  readonly transportHook: TestTransportHook;
} {
  const made = Object.entries(backends).map(([name, one]) =>
    [name, definitionOf(name, one, clock)] as const
  );
  const others = catchAll === undefined ? undefined : definitionOf("(catch-all)", catchAll, clock);
  const isMocked = (definition: BackendDefinition | undefined) => typeof definition === "function";
  const origins = new Map<string, BackendHandler>();
  for (const [name, definition] of made) {
    if (!ORIGIN.test(name)) continue;
    const origin = originOf(name);
    if (typeof definition !== "function") {
      throw new TypeError(
        `Cannot use the backend "${name}": an origin has a mock for the guest's dynamic backends, give a real one a name`,
      );
    }
    origins.set(origin, definition);
  }
  const transportHook = new TestTransportHook({
    mocked: new Set(made.filter(([, one]) => isMocked(one)).map(([name]) => name)),
    defined: new Set(made.map(([name]) => name)),
    mocksRest: isMocked(others),
    origins,
    others: typeof others === "function" ? others : undefined,
    record,
    replay,
    unanswered,
    failed: (backend, error) =>
      log({
        kind: "host",
        level: "error",
        message: `The handler of backend "${backend}" failed: ${describe(error)}`,
      }),
    changed: () => clock.note(),
  });
  const named = made.filter(([name]) => !ORIGIN.test(name));
  return {
    defined: {
      backends: Object.fromEntries(named),
      ...others !== undefined && { catchAll: others },
    },
    transportHook,
  };
}

function originOf(name: string): string {
  const url = URL.parse(name);
  if (url && url.pathname === "/" && !url.search && !url.hash) return url.origin;
  throw new TypeError(
    `Cannot use the backend "${name}": it is no origin, as https://example.com (for a path, give it routes)`,
  );
}

/** A URL and an object with one are real backends, all else is a mock. */
function definitionOf(
  name: string,
  given: Mock | string | BackendOptions,
  clock: Pick<Clock, "after">,
): BackendDefinition {
  if (typeof given === "string") return given;
  if (isPlainObject(given) && "url" in given) return given as unknown as BackendOptions;
  return mockBackend(name, given as Mock, clock);
}

/** Makes KV stores for the test, over drivers that it shares with the guest. */
function kvOf(
  { kvStores, kv, kvDriver: driverOf, limits }: TestHostOptions,
  clock: TestClock,
): {
  readonly kvDriver: NonNullable<FastlikeOptions["kvDriver"]>;
  readonly kv: Map<string, KvStore>;
} {
  const now = () => Math.floor(clock.now());
  const room = new KvRoom(limitsOf(limits).kv_bytes, now);
  const drivers = new Map(
    Object.keys({ ...kvStores, ...kv }).map((
      name,
    ) => [name, driverOf?.(name) ?? memoryDriver(room)]),
  );
  const stores = Array.from(drivers, ([name, driver]) => {
    // The guest's store sweeps for both.
    const { get, set, delete: remove, list } = driver;
    const shared = {
      get: get.bind(driver),
      set: set.bind(driver),
      delete: remove.bind(driver),
      list: list.bind(driver),
    };
    return [name, new KvStore(shared, now)] as const;
  });
  return { kvDriver: (name) => drivers.get(name)!, kv: new Map(stores) };
}

function fillSecurely(bytes: Uint8Array): void {
  const max = 65_536; // `getRandomValues` takes no longer buffer
  for (let at = 0; at < bytes.length; at += max) {
    crypto.getRandomValues(bytes.subarray(at, at + max) as Uint8Array<ArrayBuffer>);
  }
}
