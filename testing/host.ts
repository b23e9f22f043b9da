import type { Call } from "./calls.ts";
import { checkClient, checkOptions, checkSeed } from "./check_options.ts";
import { millisOf } from "./clock.ts";
import type { TestResponse } from "./exchange.ts";
import { TestKv } from "./kv.ts";
import type { TestClient, TestHostOptions } from "./options.ts";
import { startProgram, type TestProgram } from "./program.ts";
import { CookieJar } from "./session.ts";
import type { LogLevel } from "../service/log.ts";
import { machineClock } from "../service/util/clock.ts";
import { readSource } from "../wasm/source.ts";

/** Options of a request: those of `fetch`, and its client. */
export interface TestRequestInit extends RequestInit {
  /** Client of this request, in addition to the facts set by `TestHost.client`. */
  readonly client?: TestClient;
}

/** Client with cookies. */
export interface TestSession {
  /** Sends a request as `TestHost.fetch` does, with the cookies that earlier responses of the session have set. */
  fetch(input: string | URL | Request, init?: TestRequestInit): Promise<TestResponse>;
}

/** Cache of a {@linkcode TestHost}. */
export interface TestCache {
  /** Purges objects with a surrogate key, or with `soft` makes them stale. Resolves to their number. */
  purge(surrogateKey: string, options?: { readonly soft?: boolean }): Promise<number>;
  /** Purges all objects. Resolves to their number. */
  purgeAll(): Promise<number>;
}

/** Log entry of the host itself. */
export interface HostMessage {
  /** Severity. */
  readonly level: LogLevel;
  /** Text of the entry. */
  readonly message: string;
}

/** Host that runs a program for tests: without sockets, with mocks for backends, and with a clock that the test controls. */
export class TestHost implements AsyncDisposable {
  readonly #options: TestHostOptions;
  readonly #start: number;
  #program: TestProgram;
  /** Reset that is under way, with all that wait for it; undefined if there is none. */
  #resetting: Promise<void> | undefined;
  #disposed = false;

  private constructor(options: TestHostOptions, start: number, running: TestProgram) {
    this.#options = options;
    this.#start = start;
    this.#program = running;
  }

  /**
   * Starts a program.
   *
   * @param options Program, mocks, stores and further options.
   * @throws {Error} If the program cannot be loaded, or an option is invalid; in one line.
   */
  static async start(options: TestHostOptions): Promise<TestHost> {
    checkOptions(options);
    // A reset needs it again.
    const kept = { ...options, wasm: await readSource(options.wasm) };
    const start = Number(options.now ?? machineClock.now());
    return new TestHost(kept, start, await startProgram(kept, start));
  }

  /**
   * Sends a request to the guest, without a socket. Redirects are not followed.
   *
   * @param input Path, URL or request.
   * @param init Options as for `fetch`, and the client.
   * @returns A promise of the response. It resolves when the head has been sent, and the guest has ended or waits.
   * @throws {UnmockedRequestError} If the guest sends a request to a backend that is not mocked before the promise
   *   resolves, unless the option `unmocked` is `refuse`.
   */
  async fetch(
    input: string | URL | Request,
    { client, ...init }: TestRequestInit = {},
  ): Promise<TestResponse> {
    this.#refuseIfDisposed("fetch");
    if (client) checkClient(client);
    // Without a reset the guest has the request when the call returns.
    if (this.#resetting) await this.#resetting;
    const { app, clock, clients, pending, unended } = this.#program;
    const { baseUrl = "http://localhost" } = this.#options;
    const request = new Request(input instanceof Request ? input : new URL(input, baseUrl), init);
    request.signal.throwIfAborted();
    const exchange = clients.exchange(request, client);
    const { promise: failed, reject } = Promise.withResolvers<never>();
    failed.catch(() => {}); // it may reject after the response
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

  /** Resolves when all requests are closed, which may be after their responses. */
  async idle(): Promise<void> {
    const { unended } = this.#program;
    while (unended.size) await Promise.all(unended);
  }

  /** Returns the requests that the guest has sent to a backend, by default to any, in order. */
  calls(backend?: string): readonly Call[] {
    return this.#program.transportHook.calls.filter((call) =>
      backend === undefined || call.backend === backend
    );
  }

  /** Returns the records that the guest has written to a log endpoint, by default to any, in order. */
  logs(endpoint?: string): readonly string[] {
    return this.#program.entries.flatMap((entry) =>
      entry.kind === "endpoint" && (endpoint === undefined || entry.endpoint === endpoint)
        ? entry.message
        : []
    );
  }

  /** Standard output of the guest, in whole lines. */
  get stdout(): string {
    return this.#output("stdout");
  }

  /** Standard error of the guest, in whole lines. */
  get stderr(): string {
    return this.#output("stderr");
  }

  /** Log entries of the host itself, in order. */
  get hostLog(): readonly HostMessage[] {
    return this.#program.entries.flatMap((entry) =>
      entry.kind === "host" ? { level: entry.level, message: entry.message } : []
    );
  }

  /**
   * Returns a KV store of the guest.
   *
   * @throws {TypeError} If the options define no store of the name.
   */
  kv(name: string): TestKv {
    const store = this.#program.kv.get(name);
    if (store) return new TestKv(store);
    throw new TypeError(
      `Cannot use the KV store "${name}": there is none. Add it: ` +
        `TestHost.start({ kv: { ${JSON.stringify(name)}: {} } })`,
    );
  }

  /** Cache of the service, to be purged as by Fastly's API. */
  get cache(): TestCache {
    const { app } = this.#program;
    return {
      purge: (surrogateKey, options) => app.purge(surrogateKey, options),
      purgeAll: () => app.purgeAll(),
    };
  }

  /** Sets the client of further requests. Facts that it leaves out are those of the option `client`. */
  client(client: TestClient): void {
    checkClient(client);
    this.#program.clients.all = { ...this.#options.client, ...client };
  }

  /** Makes a client with cookies of its own. */
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
   * Advances the clock of the guest and the service: expiry, rates, time limits and timers follow it. Timers that are due
   * by then fire in their order.
   *
   * @param duration Milliseconds, or a text with a unit: `300ms`, `10s`, `2m`, `1h`, `30d`.
   * @returns A promise that resolves when work that has become due is done, or waits for I/O.
   * @throws {TypeError} If the duration is malformed.
   */
  async advance(duration: number | string): Promise<void> {
    await this.#program.clock.advance(millisOf(duration));
  }

  /** Time of the guest, in milliseconds since 1970. */
  get now(): number {
    return this.#program.clock.now();
  }

  /** Seeds the guest's source of randomness, so that it is the same in every run. */
  random(seed: number): void {
    checkSeed(seed);
    this.#program.seed(seed);
  }

  /**
   * Resets everything to the start: stores, cache, rates, calls, logs, mocks, time and randomness. Requests under way end,
   * later ones wait for the reset.
   */
  async reset(): Promise<void> {
    this.#refuseIfDisposed("reset");
    const earlier = this.#resetting?.catch(() => {}); // its caller gets the rejection
    const resetting = this.#restart(earlier).finally(() => {
      if (this.#resetting === resetting) this.#resetting = undefined;
    });
    await (this.#resetting = resetting);
  }

  async #restart(earlier: Promise<void> | undefined): Promise<void> {
    await earlier;
    await this.#end();
    this.#program = await startProgram(this.#options, this.#start);
  }

  /** Ends all requests, and saves recorded responses. Calls, logs and stores can still be read. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#resetting?.catch(() => {}); // its caller gets the rejection
    await this.#end();
  }

  #refuseIfDisposed(action: string): void {
    if (!this.#disposed) return;
    throw new Error(
      `Cannot ${action}: the host has been disposed of, as at the end of the block of await using`,
    );
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
