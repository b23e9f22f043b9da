/** One value of a metric, with its labels. */
export interface Sample {
  readonly value: number;
  /** Labels, in order. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Suffix of the metric's name: `_bucket`, `_sum` and `_count` of a histogram. */
  readonly suffix?: string;
}

/** A metric and its samples. */
export interface Metric {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  /** Description in one line. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Content type of {@linkcode exposition}. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Formats metrics as Prometheus's text format, version 0.0.4. Metrics without samples are left out. */
export function exposition(metrics: readonly Metric[]): string {
  return metrics.filter(({ samples }) => samples.length).map((metric) =>
    `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.kind}\n` +
    metric.samples.map((sample) => line(metric.name, sample)).join("")
  ).join("");
}

/** Returns a metric with one sample. */
export function single(
  kind: "counter" | "gauge",
  name: string,
  help: string,
  value: number,
): Metric {
  return { name, kind, help, samples: [{ value }] };
}

/** Returns a metric with a sample for each value of one label. */
export function labelled(
  kind: "counter" | "gauge",
  name: string,
  help: string,
  label: string,
  values: Iterable<readonly [string, number]>,
): Metric {
  const samples = Array.from(values, ([key, value]) => ({ value, labels: { [label]: key } }));
  return { name, kind, help, samples };
}

/** Histogram: counts values by buckets. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds Upper bounds of the buckets, in ascending order; one more bucket has no bound. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at++;
    this.#counts[at]!++;
    this.#sum += value;
  }

  samples(): Sample[] {
    let count = 0;
    const buckets = this.#counts.map((own, at) => {
      const le = this.#bounds[at]?.toString() ?? "+Inf";
      return { suffix: "_bucket", labels: { le }, value: count += own };
    });
    return [...buckets, { suffix: "_sum", value: this.#sum }, { suffix: "_count", value: count }];
  }
}

function line(name: string, { value, labels = {}, suffix = "" }: Sample): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`).join(",");
  return `${name}${suffix}${pairs && `{${pairs}}`} ${value}\n`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (char) => char === "\n" ? "\\n" : `\\${char}`);
}
