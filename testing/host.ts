import type { Call } from "./calls.ts";
import { millisOf } from "./clock.ts";
import type { TestResponse } from "./exchange.ts";
import { TestKv } from "./kv.ts";
import type { TestClient, TestHostOptions } from "./options.ts";
import { startProgram, type TestProgram } from "./program.ts";
import { CookieJar } from "./session.ts";
import type { LogLevel } from "../service/log.ts";
import { machineClock } from "../service/util/clock.ts";
import { readSource } from "../wasm/program.ts";

/** How a request is sent: as by `fetch`, and by which client. */
export interface TestRequestInit extends RequestInit {
  /** Who sends this request, on top of what `TestHost.client` says. */
  readonly client?: TestClient;
}

/** One client with cookies. */
export interface TestSession {
  /** As `TestHost.fetch`, with the cookies that earlier responses of the session have set. */
  fetch(input: string | URL | Request, init?: TestRequestInit): Promise<TestResponse>;
}

/** The cache of a {@linkcode TestHost}. */
export interface TestCache {
  /** Takes what has a surrogate key out of the cache, or makes it stale; answers how many objects that were. */
  purge(surrogateKey: string, options?: { readonly soft?: boolean }): Promise<number>;
  /** Takes everything out of the cache; answers how many objects that were. */
  purgeAll(): Promise<number>;
}

/** Something that the host has logged itself. */
export interface HostMessage {
  /** How much it matters. */
  readonly level: LogLevel;
  /** What has happened. */
  readonly message: string;
}

/** Runs a program for tests: with mocks for its backends, without sockets, and with a time that the test moves. */
export class TestHost implements AsyncDisposable {
  readonly #options: TestHostOptions;
  readonly #start: number;
  #program: TestProgram;

  private constructor(options: TestHostOptions, start: number, running: TestProgram) {
    this.#options = options;
    this.#start = start;
    this.#program = running;
  }

  /**
   * Starts a program.
   *
   * @throws {Error} If the program cannot be loaded, or an option makes no sense; in one line.
   */
  static async start(options: TestHostOptions): Promise<TestHost> {
    // A reset needs it again.
    const kept = { ...options, wasm: await readSource(options.wasm) };
    const start = Number(options.now ?? machineClock.now());
    return new TestHost(kept, start, await startProgram(kept, start));
  }

  /**
   * Sends a request to the guest, with no socket. Redirects are not followed.
   *
   * @param input A path, a URL or a request.
   * @returns The response, once its head is there, and the guest has ended or waits for something.
   * @throws {UnmockedRequestError} If the guest sends what is not mocked before that.
   */
  async fetch(
    input: string | URL | Request,
    { client, ...init }: TestRequestInit = {},
  ): Promise<TestResponse> {
    const { app, clock, clients, pending, unended } = this.#program;
    const { baseUrl = "http://localhost" } = this.#options;
    const request = new Request(input instanceof Request ? input : new URL(input, baseUrl), init);
    const exchange = clients.exchange(request, client);
    const { promise: failed, reject } = Promise.withResolvers<never>();
    failed.catch(() => {}); // it may fail when nobody waits any more
    const { signal } = request;
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    pending.set(exchange, reject);
    const ended = app.answer(exchange).then(() => {
      exchange.settled();
      unended.delete(ended);
      clients.ended(exchange);
      clock.note();
    });
    unended.add(ended);
    try {
      const response = await Promise.race([exchange.response, failed]);
      await Promise.race([ended, clock.settle(), failed]);
      return exchange.extend(response);
    } finally {
      pending.delete(exchange);
    }
  }

  /** Resolves when the guests of all requests have ended, which may be after their responses. */
  async idle(): Promise<void> {
    const { unended } = this.#program;
    while (unended.size) await Promise.all(unended);
  }

  /** The requests that the guest has sent to a backend, or to all of them, in order. */
  calls(backend?: string): readonly Call[] {
    return this.#program.transportHook.calls.filter((call) =>
      backend === undefined || call.backend === backend
    );
  }

  /** The records that the guest has written to a log endpoint, or to all of them, in order. */
  logs(endpoint?: string): readonly string[] {
    return this.#program.entries.flatMap((entry) =>
      entry.kind === "endpoint" && (endpoint === undefined || entry.endpoint === endpoint)
        ? entry.message
        : []
    );
  }

  /** What the guest has written to its standard output, by whole lines. */
  get stdout(): string {
    return this.#output("stdout");
  }

  /** What the guest has written to its standard error, by whole lines. */
  get stderr(): string {
    return this.#output("stderr");
  }

  /** What the host itself has logged, in order. */
  get hostLog(): readonly HostMessage[] {
    return this.#program.entries.flatMap((entry) =>
      entry.kind === "host" ? { level: entry.level, message: entry.message } : []
    );
  }

  /**
   * A KV store.
   *
   * @throws {TypeError} If the options define none of the name.
   */
  kv(name: string): TestKv {
    const store = this.#program.kv.get(name);
    if (store) return new TestKv(store);
    throw new TypeError(
      `Cannot use the KV store "${name}": there is none. Add it: ` +
        `TestHost.start({ kv: { ${JSON.stringify(name)}: {} } })`,
    );
  }

  /** The cache, which is purged here as over Fastly's API. */
  get cache(): TestCache {
    const { app } = this.#program;
    return {
      purge: (surrogateKey, options) => app.purge(surrogateKey, options),
      purgeAll: () => app.purgeAll(),
    };
  }

  /** Says who sends all requests from now on. What it does not say is as at the start. */
  client(client: TestClient): void {
    this.#program.clients.all = { ...this.#options.client, ...client };
  }

  /** A client with cookies of its own. */
  session(): TestSession {
    const jar = new CookieJar(() => this.#program.clock.now());
    const { baseUrl = "http://localhost" } = this.#options;
    return {
      fetch: async (input, { client, ...init } = {}) => {
        const request = new Request(
          input instanceof Request ? input : new URL(input, baseUrl),
          init,
        );
        const url = new URL(request.url);
        const kept = jar.fieldFor(url);
        const own = request.headers.get("cookie");
        const field = [kept, own].filter(Boolean).join("; ");
        if (field) request.headers.set("cookie", field);
        const response = await this.fetch(request, client && { client });
        jar.store(url, response.headers);
        return response;
      },
    };
  }

  /**
   * Moves the time forward: for what is cached, counted and stored, for time limits, and for the guest's clocks. What is
   * due by then happens in its order.
   *
   * @param duration Milliseconds, or a text with a unit: `300ms`, `10s`, `2m`, `1h`, `30d`.
   * @returns Resolves when what has become due waits for something else than the time.
   */
  async advance(duration: number | string): Promise<void> {
    await this.#program.clock.advance(millisOf(duration));
  }

  /** The time of the guest, in milliseconds since 1970. */
  get now(): number {
    return this.#program.clock.now();
  }

  /** Makes what the guest gets as random from now on the same in every run. */
  random(seed: number): void {
    this.#program.seed(seed);
  }

  /**
   * Begins anew: stores as at the start, nothing cached, counted, called or logged, mocks unused, the time and the random
   * numbers as at the start. Requests that are under way end.
   */
  async reset(): Promise<void> {
    await this.#end();
    this.#program = await startProgram(this.#options, this.#start);
  }

  /** Ends all requests, and has what was recorded kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#program.app[Symbol.asyncDispose]();
    await this.#program.transportHook.save();
  }

  #output(kind: "stdout" | "stderr"): string {
    return this.#program.entries
      .map((entry) => entry.kind === kind ? `${entry.message}\n` : "")
      .join("");
  }
}
