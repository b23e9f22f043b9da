import type { Metric, Sample } from "../telemetry/prometheus.ts";

/** Gauges whose sum says nothing: the largest value of all workers is used, or the one that all have. */
const LARGEST = new Set(["fastlike_guest_memory_peak_bytes"]);
const SAME = new Set(["fastlike_build_info"]);
const EARLIEST = new Set(["process_start_time_seconds"]);

/** Metrics of several workers, by the worker's number. */
export type MetricsByWorker = ReadonlyMap<number, readonly Metric[]>;

/** Returns the metrics of several processes as one: counters and most gauges are added up. */
export function summed(all: Iterable<readonly Metric[]>): Metric[] {
  const sums = new Map<string, { metric: Metric; samples: Map<string, Sample> }>();
  for (const metrics of all) {
    for (const metric of metrics) {
      const known = sums.get(metric.name);
      const sum = known ?? { metric, samples: new Map<string, Sample>() };
      if (!known) sums.set(metric.name, sum);
      for (const sample of metric.samples) {
        const key = JSON.stringify([sample.suffix, sample.labels]);
        const before = sum.samples.get(key);
        const value = before ? joined(metric.name, before.value, sample.value) : sample.value;
        sum.samples.set(key, { ...sample, value });
      }
    }
  }
  return Array.from(sums.values(), ({ metric, samples }) => ({
    ...metric,
    samples: [...samples.values()],
  }));
}

/** Adds the worker's number to every sample, as a label. */
export function byWorker(all: MetricsByWorker): Metric[] {
  const named = Array.from(all, ([id, metrics]) =>
    metrics.map((metric) => ({
      ...metric,
      samples: metric.samples.map((sample) => ({
        ...sample,
        labels: { worker: `${id}`, ...sample.labels },
      })),
    })));
  return summed(named);
}

/** Returns the metrics of a worker that remain after its end: its counters. */
export function counts(metrics: readonly Metric[]): Metric[] {
  return metrics.filter(({ kind }) => kind !== "gauge");
}

function joined(name: string, one: number, other: number): number {
  if (LARGEST.has(name)) return Math.max(one, other);
  if (EARLIEST.has(name)) return Math.min(one, other);
  return SAME.has(name) ? one : one + other;
}
