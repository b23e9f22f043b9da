import type { BackendOptions, Health, Healthcheck } from "./definition.ts";
import type { RequestInFlight } from "./transport.ts";
import { EMPTY, isWhole } from "../http/bytes.ts";
import { frameRequest } from "../http/framing.ts";
import { HeaderList } from "../http/headers.ts";
import { httpTransport } from "./http_transport.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import type { LogLevel } from "../log.ts";
import { StallClock } from "../util/stall_clock.ts";
import { messageOf } from "../errors.ts";

/** Defaults of a {@linkcode Healthcheck}, which are those of Fastly's Rust SDK. */
export const HEALTHCHECK_DEFAULTS = {
  interval: 15_000,
  timeout: 5_000,
  method: "GET",
  path: "/",
  expectedStatus: 200,
  window: 5,
  threshold: 3,
  initial: 4,
} as const;

/** Sends health probes to one backend, and derives its health from the latest of them. */
export class HealthMonitor {
  readonly #name: string;
  readonly #options: BackendOptions;
  readonly #check: typeof HEALTHCHECK_DEFAULTS & Healthcheck;
  readonly #report: (level: LogLevel, message: string) => void;
  readonly #stallClock: StallClock;
  /** Results of the latest probes, the latest last: whether each has succeeded. */
  readonly #results: boolean[];
  #inFlight: RequestInFlight | undefined;
  #stopTimer: (() => void) | undefined;
  #started = false;
  #stopped = false;

  /**
   * @param name Name of the backend, for messages.
   * @param report Called when the backend's health changes.
   * @param stallClock Clock of the probes' time limits.
   */
  constructor(
    name: string,
    options: BackendOptions,
    report: (level: LogLevel, message: string) => void,
    stallClock: StallClock = new StallClock(),
  ) {
    this.#name = name;
    this.#options = options;
    this.#check = {
      ...HEALTHCHECK_DEFAULTS,
      ...options.healthcheck as typeof HEALTHCHECK_DEFAULTS,
    };
    this.#report = report;
    this.#stallClock = stallClock;
    const { window, initial } = this.#check;
    this.#results = new Array(Math.min(initial, window)).fill(true);
  }

  get health(): Health {
    return this.#good >= this.#check.threshold ? "healthy" : "unhealthy";
  }

  /** Starts to send probes, one for each interval, unless it has. They do not keep the process alive. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#next();
  }

  /** Sends no more probes. */
  stop(): void {
    this.#started = this.#stopped = true;
    this.#stopTimer?.();
    this.#inFlight?.cancel();
  }

  async #next(): Promise<void> {
    const { clock } = this.#stallClock;
    const began = clock.elapsed();
    const failure = await this.#probe();
    if (this.#stopped) return;
    this.#note(failure);
    const rest = Math.max(0, this.#check.interval - (clock.elapsed() - began));
    this.#stopTimer = clock.after(rest, () => this.#next(), { background: true });
  }

  get #good(): number {
    return this.#results.filter(Boolean).length;
  }

  /** Sends a probe; resolves to its fault, or undefined if it has succeeded. */
  async #probe(): Promise<string | undefined> {
    const { timeout, expectedStatus } = this.#check;
    // A new connection: a kept one would hide that the backend no longer listens.
    const timeouts = { connect: timeout, firstByte: timeout };
    const transport = httpTransport({ ...this.#options, pool: false, timeouts }, this.#stallClock);
    try {
      this.#inFlight = transport.send(this.#request());
      const { status, body } = await this.#inFlight.response;
      if (!isWhole(body)) body.cancel();
      return status === expectedStatus ? undefined : `it answered with status ${status}`;
    } catch (error) {
      return messageOf(error);
    } finally {
      this.#inFlight = undefined;
      transport.close();
    }
  }

  #request() {
    const { method, path } = this.#check;
    const { url, hostOverride } = this.#options;
    const host = this.#check.host ?? hostOverride ?? new URL(url).host;
    const framed = frameRequest(new HeaderList(["Host", host]), method, EMPTY, "automatic");
    return {
      method,
      url: `${new URL(url).protocol}//${host}${path}`,
      target: path,
      ...framed,
      limits: DEFAULT_LIMITS,
    };
  }

  #note(failure: string | undefined): void {
    const { window, threshold } = this.#check;
    const before = this.health;
    this.#results.push(failure === undefined);
    this.#results.splice(0, this.#results.length - window);
    if (this.health === before) return;
    const count = `${this.#good} of its last ${window} probes were good, ${threshold} have to be`;
    this.#report(
      this.health === "healthy" ? "info" : "warning",
      `Backend "${this.#name}" is ${this.health}: ${count}${failure ? ` (${failure})` : ""}`,
    );
  }
}
