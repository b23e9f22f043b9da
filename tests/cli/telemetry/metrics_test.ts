import { Metrics } from "../../../cli/telemetry/metrics.ts";
import { exposition, Histogram } from "../../../cli/telemetry/prometheus.ts";
import { RequestMetrics } from "../../../service/http/request_metrics.ts";
import { assert, assertEquals } from "../../assert.ts";
import { samplesOf } from "../flags/samples.ts";

Deno.test("a metric has its help, its kind, and a line for each sample", () => {
  const text = exposition([{
    name: "a_total",
    kind: "counter",
    help: "What it is.",
    samples: [{ value: 1, labels: { x: "1", y: "2" } }, { value: 2.5 }],
  }]);
  assertEquals(
    text,
    '# HELP a_total What it is.\n# TYPE a_total counter\na_total{x="1",y="2"} 1\na_total 2.5\n',
  );
});

Deno.test("labels are escaped", () => {
  const labels = { name: 'a"b\\c\nd' };
  const text = exposition([{
    name: "a",
    kind: "gauge",
    help: "b",
    samples: [{ value: 1, labels }],
  }]);
  assertEquals(text.split("\n")[2], 'a{name="a\\"b\\\\c\\nd"} 1');
});

Deno.test("a metric without samples is left out", () => {
  assertEquals(exposition([{ name: "a", kind: "gauge", help: "b", samples: [] }]), "");
});

Deno.test("a histogram's buckets count values up to their bound, lower ones included", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 3]) histogram.observe(value);
  assertEquals(histogram.samples(), [
    { suffix: "_bucket", labels: { le: "1" }, value: 2 },
    { suffix: "_bucket", labels: { le: "2" }, value: 3 },
    { suffix: "_bucket", labels: { le: "+Inf" }, value: 4 },
    { suffix: "_sum", value: 6 },
    { suffix: "_count", value: 4 },
  ]);
});

function entry(fields: object = {}) {
  const metrics = new RequestMetrics();
  return {
    method: "GET",
    target: "/",
    client: "127.0.0.1",
    status: 200,
    millis: 3,
    bytes: 5,
    whole: true,
    metrics,
    ...fields,
  };
}

Deno.test("requests are counted by method and status, those in flight apart", () => {
  const metrics = new Metrics();
  for (let i = 0; i < 5; i++) metrics.begin();
  metrics.end(entry());
  metrics.end(entry({ status: 404 }));
  metrics.end(entry({ method: "PURGE\n", status: 0, whole: false }));
  metrics.end(entry({ method: "PURGE2", status: 0, whole: false }));
  const samples = samplesOf(metrics.render(undefined, 7));
  const requests = (method: string, code: number) =>
    samples.get(`fastlike_http_requests_total{method="${method}",code="${code}"}`);
  assertEquals([requests("GET", 200), requests("GET", 404), requests("other", 0)], [1, 1, 2]);
  assertEquals(samples.get("fastlike_http_requests_in_flight"), 1);
  assertEquals(samples.get("fastlike_http_responses_cut_total"), 2);
  assertEquals(samples.get("fastlike_http_response_bytes_total"), 20);
  assertEquals(samples.get("fastlike_http_connections"), 7);
  assertEquals(samples.get('fastlike_http_request_duration_seconds_bucket{le="0.0025"}'), 0);
  assertEquals(samples.get('fastlike_http_request_duration_seconds_bucket{le="0.005"}'), 4);
  assertEquals(samples.get("fastlike_instances_live"), undefined, "there is no program yet");
});

Deno.test("the resources that requests have used are summed up", () => {
  const metrics = new Metrics();
  const ofRequest = Object.assign(new RequestMetrics(), {
    cache: ["hit", "miss", "hit"],
    activeMillis: 1500,
    hostcalls: 10,
    peakMemory: 65_536,
  });
  metrics.end(entry({ metrics: ofRequest }));
  metrics.end(
    entry({ metrics: Object.assign(new RequestMetrics(), { hostcalls: 1, peakMemory: 1 }) }),
  );
  const samples = samplesOf(metrics.render(undefined, 0));
  assertEquals(samples.get('fastlike_cache_uses_total{use="hit"}'), 2);
  assertEquals(samples.get('fastlike_cache_uses_total{use="miss"}'), 1);
  assertEquals(samples.get("fastlike_hostcalls_total"), 11);
  assertEquals(samples.get("fastlike_guest_active_seconds_total"), 1.5);
  assertEquals(samples.get("fastlike_guest_memory_peak_bytes"), 65_536);
});

Deno.test("metrics have the program's status and the process, with names as they are", () => {
  const text = new Metrics().render({
    instances: { live: 3, idle: 1, parked: 2, max: 10 },
    queued: 4,
    traps: 5,
    limits: { cpu_time: 6 },
    backends: { 'a"b': { requests: 8, failures: 7 } },
  }, 0);
  const samples = samplesOf(text);
  const expected = {
    fastlike_instances_live: 3,
    fastlike_instances_idle: 1,
    fastlike_instances_parked: 2,
    fastlike_instances_limit: 10,
    fastlike_requests_queued: 4,
    fastlike_guest_traps_total: 5,
    'fastlike_limits_hit_total{limit="cpu_time"}': 6,
    'fastlike_backend_requests_total{backend="a\\"b"}': 8,
    'fastlike_backend_failures_total{backend="a\\"b"}': 7,
  };
  for (const [name, value] of Object.entries(expected)) {
    assertEquals(samples.get(name), value, name);
  }
  assert(samples.get("process_resident_memory_bytes")! > 1e6);
  assert(samples.get("process_cpu_seconds_total")! > 0);
  assert(Math.abs(samples.get("process_start_time_seconds")! * 1000 - Date.now()) < 864e5);
});

Deno.test("log entries are counted by where they come from, hostcalls not", () => {
  const metrics = new Metrics();
  const requestId = "";
  metrics.logged({ kind: "endpoint", requestId, endpoint: "a", message: "" });
  metrics.logged({ kind: "stdout", requestId, message: "" });
  metrics.logged({ kind: "host", level: "error", message: "" });
  const call = { module: "", name: "", args: [], status: 0, micros: 0 };
  metrics.logged({ kind: "hostcall", requestId, ...call });
  const samples = samplesOf(metrics.render(undefined, 0));
  assertEquals(samples.get('fastlike_guest_log_records_total{source="endpoint"}'), 1);
  assertEquals(samples.get('fastlike_guest_log_records_total{source="stdout"}'), 1);
  assertEquals(samples.get('fastlike_host_messages_total{level="error"}'), 1);
});
