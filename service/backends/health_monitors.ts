import type { StallClock } from "../util/stall_clock.ts";
import type { Report } from "./backend.ts";
import type { BackendOptions } from "./definition.ts";
import { HealthMonitor } from "./health.ts";

/** Maximum number of monitors of dynamic backends; a further one stops the oldest. */
const MAX_DYNAMIC = 64;

/** Health monitors of a service's backends. Backends with the same options share one. */
export class HealthMonitors {
  readonly #report: Report;
  readonly #stallClock: StallClock | undefined;
  /** Monitors by the JSON of the backend's options. */
  readonly #monitors = new Map<string, HealthMonitor>();
  /** Keys of the monitors of backends that the service defines; they are never stopped for others. */
  #lasting: ReadonlySet<string> = new Set();

  constructor(report: Report, stallClock: StallClock | undefined) {
    this.#report = report;
    this.#stallClock = stallClock;
  }

  /**
   * Returns the monitor of a backend that the service defines; it sends no probe before {@linkcode HealthMonitors.start}.
   *
   * @param key JSON of the options as the backend's definition has them.
   * @param options Options with a `healthcheck`.
   */
  lasting(name: string, key: string, options: BackendOptions): HealthMonitor {
    const monitor = this.#get(name, key, options);
    this.#lasting = new Set(this.#monitors.keys());
    return monitor;
  }

  /** Returns the monitor of a dynamic backend, which sends its first probe now. It may be stopped for newer ones. */
  dynamic(name: string, key: string, options: BackendOptions): HealthMonitor {
    const known = this.#monitors.get(key);
    if (known) return known;
    const monitor = this.#get(name, key, options);
    monitor.start();
    if (this.#monitors.size > this.#lasting.size + MAX_DYNAMIC) this.#stopOldest();
    return monitor;
  }

  /** Starts to probe all backends that have a monitor. */
  start(): void {
    for (const monitor of this.#monitors.values()) monitor.start();
  }

  /** Stops all probes. */
  close(): void {
    for (const monitor of this.#monitors.values()) monitor.stop();
    this.#monitors.clear();
  }

  #get(name: string, key: string, options: BackendOptions): HealthMonitor {
    const known = this.#monitors.get(key);
    if (known) return known;
    const monitor = new HealthMonitor(name, options, this.#report, this.#stallClock);
    this.#monitors.set(key, monitor);
    return monitor;
  }

  #stopOldest(): void {
    const oldest = [...this.#monitors.keys()].find((key) => !this.#lasting.has(key))!;
    this.#monitors.get(oldest)!.stop();
    this.#monitors.delete(oldest);
  }
}
