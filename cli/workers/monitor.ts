import { StallClock } from "../../service/util/stall_clock.ts";
import type { Metric } from "../telemetry/prometheus.ts";
import { exposition, single } from "../telemetry/prometheus.ts";
import { ofProcess } from "../telemetry/metrics.ts";
import type { Fleet } from "./fleet.ts";
import { byWorker, counts, type MetricsByWorker, summed } from "./summed.ts";
import type { WorkerProcess } from "./worker_process.ts";

/** Time limit for a worker's answer, in milliseconds. A guest that computes delays the answer. */
const ANSWER_MILLIS = 1_000;

/** Health and metrics of all workers together. */
export class Monitor {
  readonly #fleet: Fleet;
  /** Last answer of each worker, used while a guest delays a newer one. */
  readonly #last = new Map<WorkerProcess, readonly Metric[]>();
  /** Counts of workers that have ended. */
  #ended: readonly Metric[] = [];

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Resolves to `ok` if any worker accepts connections; otherwise to the reason, for the health check's body. */
  async health(): Promise<string> {
    const { ready } = this.#fleet;
    if (!ready.length) return "no worker is ready";
    const asked = ready.map(async ({ channel }) => {
      if (!await within(channel.ask<boolean>("health"))) throw new Error("not accepting");
    });
    return await Promise.any(asked).then(() => "ok", () => "not accepting connections");
  }

  /**
   * Returns the metrics of all workers, as Prometheus reads them.
   *
   * @param query `?by=worker` for the metrics of each worker; otherwise they are added up.
   */
  async metrics(query: string): Promise<string> {
    const ready = this.#fleet.ready;
    await Promise.all(ready.map((worker) => this.#ask(worker)));
    const known: MetricsByWorker = new Map(
      ready.map((worker) => [worker.id, this.#last.get(worker) ?? []]),
    );
    const own = [
      single("gauge", "fastlike_workers", "Workers that serve.", this.#fleet.ready.length),
      single(
        "counter",
        "fastlike_worker_deaths_total",
        "Workers that have ended by themselves.",
        this.#fleet.deaths,
      ),
    ];
    const apart = new URLSearchParams(query).get("by") === "worker";
    const metrics = apart ? byWorker(known) : summed([...known.values(), this.#ended, ofProcess()]);
    return exposition([...metrics, ...own]);
  }

  /** Keeps the counts of a worker that has ended. */
  gone(worker: WorkerProcess): void {
    this.#ended = summed([this.#ended, counts(this.#last.get(worker) ?? [])]);
    this.#last.delete(worker);
  }

  async #ask(worker: WorkerProcess): Promise<void> {
    try {
      const metrics = await within(worker.channel.ask<readonly Metric[]>("metrics"));
      if (this.#fleet.ready.includes(worker)) this.#last.set(worker, metrics);
    } catch {
      // The worker is busy or has ended: its last answer is used.
    }
  }
}

const clock = new StallClock();

function within<T>(answer: Promise<T>): Promise<T> {
  return clock.within(ANSWER_MILLIS, answer, () => new Error("The worker does not answer"));
}
