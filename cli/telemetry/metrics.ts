import process from "node:process";
import type { LogEntry } from "../../service/log.ts";
import type { Status } from "../../service/status.ts";
import type { AccessEntry } from "../../server/listen_options.ts";
import { exposition, Histogram, labelled, type Metric, single } from "./prometheus.ts";
import { VERSION } from "../version.ts";

/** Buckets of durations, in seconds: Prometheus's defaults, and three below them for small guests. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Methods that are counted under their own names. All others, which clients may make up, are counted as one. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const MILLIS = 1000;
const MICROS = 1e6;

/** Counters of a process that serves requests, for Prometheus. */
export class Metrics {
  /** Requests by method, then by status. */
  readonly #requests = new Map<string, Map<number, number>>();
  readonly #durations = new Histogram(BUCKETS);
  readonly #cache = new Map<string, number>();
  /** Records by source: endpoint, stdout or stderr. */
  readonly #records = new Map<string, number>();
  /** Messages by level. */
  readonly #messages = new Map<string, number>();
  #begun = 0;
  #ended = 0;
  #cut = 0;
  #bytes = 0;
  #hostcalls = 0;
  #activeMillis = 0;
  #peakMemory = 0;

  /** Counts a request that has arrived. */
  begin(): void {
    this.#begun++;
  }

  /** Counts a request whose response has ended, or will never be sent. */
  end({ method, status, millis, bytes, whole, metrics }: AccessEntry): void {
    this.#ended++;
    if (!whole) this.#cut++;
    const name = METHODS.has(method) ? method : "other";
    const statuses = this.#requests.get(name) ?? new Map<number, number>();
    this.#requests.set(name, statuses);
    add(statuses, status);
    this.#durations.observe(millis / MILLIS);
    this.#bytes += bytes;
    this.#hostcalls += metrics.hostcalls;
    this.#activeMillis += metrics.activeMillis;
    this.#peakMemory = Math.max(this.#peakMemory, metrics.peakMemory);
    for (const use of metrics.cache) add(this.#cache, use);
  }

  /** Counts a log entry. */
  logged(entry: LogEntry): void {
    if (entry.kind === "host") add(this.#messages, entry.level);
    else if (entry.kind !== "hostcall") add(this.#records, entry.kind);
  }

  /** Returns all metrics in Prometheus's text format; see {@linkcode Metrics.collect}. */
  render(status: Status | undefined, connections: number): string {
    return exposition(this.collect(status, connections));
  }

  /**
   * Returns all metrics.
   *
   * @param status Undefined until the program is loaded.
   * @param connections Number of open client connections.
   */
  collect(status: Status | undefined, connections: number): Metric[] {
    return [
      ...this.#ofRequests(connections),
      ...status ? ofProgram(status) : [],
      ...this.#ofGuests(),
      ...ofProcess(),
    ];
  }

  #ofRequests(connections: number): Metric[] {
    const requests = Array.from(
      this.#requests,
      ([method, statuses]) =>
        Array.from(statuses, ([code, value]) => ({ value, labels: { method, code: `${code}` } })),
    ).flat();
    return [
      {
        name: "fastlike_http_requests_total",
        kind: "counter",
        help: "Requests whose response has ended, by method and status; status 0 is no response.",
        samples: requests,
      },
      {
        name: "fastlike_http_request_duration_seconds",
        kind: "histogram",
        help: "Time from a request's head to the end of its response.",
        samples: this.#durations.samples(),
      },
      single(
        "gauge",
        "fastlike_http_requests_in_flight",
        "Requests whose response has not ended.",
        this.#begun - this.#ended,
      ),
      single(
        "counter",
        "fastlike_http_responses_cut_total",
        "Responses that were not sent to their end.",
        this.#cut,
      ),
      single(
        "counter",
        "fastlike_http_response_bytes_total",
        "Bytes of responses' bodies.",
        this.#bytes,
      ),
      single("gauge", "fastlike_http_connections", "Open connections of clients.", connections),
    ];
  }

  #ofGuests(): Metric[] {
    return [
      labelled(
        "counter",
        "fastlike_cache_uses_total",
        "Requests to backends, by their use of the cache.",
        "use",
        this.#cache,
      ),
      single("counter", "fastlike_hostcalls_total", "Hostcalls of guests.", this.#hostcalls),
      single(
        "counter",
        "fastlike_guest_active_seconds_total",
        "Time for which guests have run, without the time that they waited.",
        this.#activeMillis / MILLIS,
      ),
      single(
        "gauge",
        "fastlike_guest_memory_peak_bytes",
        "Largest linear memory of a guest.",
        this.#peakMemory,
      ),
      labelled(
        "counter",
        "fastlike_guest_log_records_total",
        "Records of log endpoints, and lines of standard output and error.",
        "source",
        this.#records,
      ),
      labelled(
        "counter",
        "fastlike_host_messages_total",
        "Log messages of the host itself.",
        "level",
        this.#messages,
      ),
    ];
  }
}

function ofProgram({ instances, queued, traps, limits, backends }: Status): Metric[] {
  const stats = Object.entries(backends);
  return [
    single("gauge", "fastlike_instances_live", "Instances of the program.", instances.live),
    single("gauge", "fastlike_instances_idle", "Instances that run nothing.", instances.idle),
    single(
      "gauge",
      "fastlike_instances_parked",
      "Instances that were started ahead and wait for a request.",
      instances.parked,
    ),
    single("gauge", "fastlike_instances_limit", "Maximum number of instances.", instances.max),
    single("gauge", "fastlike_requests_queued", "Requests that wait for an instance.", queued),
    single("counter", "fastlike_guest_traps_total", "Guests that have trapped.", traps),
    labelled(
      "counter",
      "fastlike_limits_hit_total",
      "Number of times that a limit has refused or ended something.",
      "limit",
      Object.entries(limits),
    ),
    labelled(
      "counter",
      "fastlike_backend_requests_total",
      "Requests to backends.",
      "backend",
      stats.map(([name, { requests }]) => [name, requests]),
    ),
    labelled(
      "counter",
      "fastlike_backend_failures_total",
      "Requests to backends without a response, unless the guest or client cancelled them.",
      "backend",
      stats.map(([name, { failures }]) => [name, failures]),
    ),
  ];
}

/** Metrics of the process, named as by Prometheus's own client libraries. */
export function ofProcess(): Metric[] {
  const { rss, heapUsed } = Deno.memoryUsage();
  const { user, system } = process.cpuUsage();
  const { deno, v8 } = Deno.version;
  return [
    single("gauge", "process_resident_memory_bytes", "Resident memory.", rss),
    single("gauge", "process_heap_bytes", "JavaScript's heap in use.", heapUsed),
    single(
      "counter",
      "process_cpu_seconds_total",
      "Processor time in user and system mode.",
      (user + system) / MICROS,
    ),
    single(
      "gauge",
      "process_start_time_seconds",
      "Start time of the process since 1970.",
      performance.timeOrigin / MILLIS,
    ),
    {
      name: "fastlike_build_info",
      kind: "gauge",
      help: "Versions; always 1.",
      samples: [{ value: 1, labels: { version: VERSION, deno, v8 } }],
    },
  ];
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
