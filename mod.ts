/**
 * Runs programs written for Fastly Compute.
 *
 * ```ts
 * import { Fastlike } from "./mod.ts";
 *
 * const app = await Fastlike.load(new URL("./app.wasm", import.meta.url), {
 *   backends: { origin: "http://localhost:8000" },
 * });
 * Deno.serve(app.handler);
 * ```
 *
 * @module
 */
import { Engine } from "./engine/engine.ts";
import { type Handler, handlerOf } from "./engine/handler.ts";
import { Instance } from "./engine/instance.ts";
import type { FastlikeOptions } from "./engine/options.ts";
import type { Exchange } from "./service/http/exchange.ts";
import type { Status } from "./service/status.ts";
import type { Source } from "./wasm/source.ts";

export type { Handler } from "./engine/handler.ts";
export { Instance } from "./engine/instance.ts";
export type { FastlikeOptions } from "./engine/options.ts";
export * from "./service/public.ts";
export type { Source } from "./wasm/source.ts";
export { ProgramCache } from "./wasm/program_cache.ts";

/** Program that answers requests. Two of them in one process share no state, unless options give them the same drivers. */
export class Fastlike implements AsyncDisposable {
  /**
   * Answers one request. A failure is a response as well; the promise rejects only if the option `secure` throws. The
   * function is bound, so that it can be passed to `Deno.serve`.
   */
  readonly handler: Handler;
  /** {@linkcode Fastlike.handler} under the name that `deno serve` looks for. */
  readonly fetch: Handler;
  readonly #engine: Engine;

  private constructor(engine: Engine) {
    this.#engine = engine;
    this.handler = this.fetch = handlerOf(
      () => engine.options,
      (exchange) => this.answer(exchange),
    );
  }

  /**
   * Loads a program. It also raises the process's `Error.stackTraceLimit` to 64, so that reports of traps reach the guest's
   * own functions.
   *
   * @param source URL (`http:`, `https:` or `file:`), bytes, response or compiled module. The limits `memory` and `cpu_time`
   *   do not hold for a compiled module.
   * @param options By default there are no backends and no stores, and all limits have their defaults.
   * @returns The program, ready for requests.
   * @throws {Error} If the source cannot be read, is no Compute program, or an option is invalid. The message is one line.
   */
  static async load(source: Source, options: FastlikeOptions = {}): Promise<Fastlike> {
    return new Fastlike(await Engine.load(source, options));
  }

  /**
   * Answers one exchange, for servers that keep more of an HTTP message than a `Request` does.
   *
   * @returns A promise that resolves when the request is closed, which may be after its response. It never rejects.
   */
  answer(exchange: Exchange): Promise<void> {
    return this.#engine.answer(exchange);
  }

  /**
   * Records in the status, the log and the exchange's metrics that a server has ended a connection for `stall_time`.
   *
   * @param exchange Exchange that ends with the connection; undefined if there is none.
   * @param what Description of the event, in words before "the limit".
   */
  stalled(exchange: Exchange | undefined, what: string): void {
    this.#engine.stalled(exchange, what);
  }

  /**
   * Runs the program once, as a test binary or a tool. Its request, which it need not answer, is
   * `GET http://example.com/` from 127.0.0.1. The limits of a request hold for the run. No instances are started ahead of
   * requests (`park`) from then on, until the next reload.
   *
   * @returns Exit status of the guest; 134 if it trapped or reached a limit, with the reason in the log.
   */
  run(): Promise<number> {
    return this.#engine.run();
  }

  /**
   * Makes an instance for one request with options of its own.
   *
   * ```ts
   * const instance = app.instantiate({ backends: { origin: (request) => new Response(request.url) } });
   * const response = await instance.handle(new Request("http://localhost/"));
   * ```
   *
   * @param overrides Options in place of the program's. The instance shares the program's rate counters, its KV stores
   *   unless `kvStores` is given, and its cache unless `backends` or `catchAll` is.
   */
  instantiate(overrides: FastlikeOptions = {}): Instance {
    return new Instance(this.#engine.instantiate(overrides));
  }

  /**
   * Makes instances ahead of requests, up to `limits.instances`, and keeps that many idle. A reload makes as many.
   *
   * @param count Number of instances to be ready.
   * @returns Number of instances that are ready.
   * @throws {Error} If the program cannot be instantiated.
   */
  warmup(count: number): number {
    return this.#engine.warmup(count);
  }

  /**
   * Purges objects with a surrogate key from the cache, as Fastly's API does.
   *
   * @param surrogateKey Key of the objects.
   * @param options `soft` makes objects stale instead of removing them, so that they can be used while new ones are
   *   fetched. By default they are removed.
   * @returns Number of objects in memory that had the key.
   */
  async purge(
    surrogateKey: string,
    { soft = false }: { readonly soft?: boolean } = {},
  ): Promise<number> {
    return await this.#engine.cache.purge(surrogateKey, soft);
  }

  /**
   * Purges all objects from the cache.
   *
   * @returns Number of objects that were in memory.
   */
  async purgeAll(): Promise<number> {
    return await this.#engine.cache.purgeAll();
  }

  /** Returns the present state of the program. Counts go on over reloads. */
  status(): Status {
    return this.#engine.status();
  }

  /**
   * Replaces the program. New requests get the new one; requests under way end with the old one.
   *
   * @param source Source of the new program, as for {@linkcode Fastlike.load}.
   * @param options Options in place of all present ones; by default those stay. KV stores keep values that programs have
   *   written. Cache, rate counters and counts of the status go on, with their present bounds and drivers.
   * @throws {Error} As {@linkcode Fastlike.load} and {@linkcode Fastlike.warmup} do. The old program and its options stay
   *   then.
   */
  reload(source: Source, options?: FastlikeOptions): Promise<void> {
    return this.#engine.reload(source, options);
  }

  /** Ends sandboxes that wait for a further request, before a shutdown. Requests are still answered. */
  retire(): void {
    this.#engine.retire();
  }

  /** Ends all requests, with a 503 for those without a response, and closes all connections to backends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.close();
  }
}
