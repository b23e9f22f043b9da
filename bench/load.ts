/** Result of a load generator. */
export interface Load {
  readonly perSecond: number;
  /** Percentiles of the requests' durations, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Number of requests without a successful response. */
  readonly failed: number;
  /** Processor time of the generator, in seconds; undefined where it is not measured. */
  readonly cpuSeconds?: number;
}

/** Sends requests to a URL for a number of seconds, over 32 connections or as many as are given. */
type Loader = (url: string, seconds: number, connections?: number) => Promise<Load>;

/** Number of connections by default. */
export const CONNECTIONS = 32;
const AUTOCANNON = "npm:autocannon@8.0.0";

/** `wrk`, which takes the least processor time. */
export const wrk: Loader = async (url, seconds, connections = CONNECTIONS) => {
  const args = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", url];
  // The shell tells how much processor time its child has taken.
  const text = await run("sh", ["-c", '"$@" && times', "sh", ...args]);
  const numberOf = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? NaN);
  return {
    perSecond: numberOf(/Requests\/sec:\s+([\d.]+)/),
    p50: millis(/^\s+50%\s+(\S+)/m.exec(text)?.[1]),
    p99: millis(/^\s+99%\s+(\S+)/m.exec(text)?.[1]),
    failed: (numberOf(/Non-2xx or 3xx responses: (\d+)/) || 0) +
      (numberOf(/Socket errors:.*timeout (\d+)/) || 0),
    cpuSeconds: secondsOf(text.trimEnd().split("\n").at(-1)!),
  };
};

/** Returns the sum of a line of `times`: of `0m1.250s 0m0.500s` 1.75. */
function secondsOf(line: string): number {
  const times = [...line.matchAll(/(\d+)m([\d.]+)s/g)];
  return times.reduce(
    (sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds),
    0,
  );
}

/** `autocannon`, for machines without `wrk`: it takes a whole core, which slows the server down. */
export const autocannon: Loader = async (url, seconds, connections = CONNECTIONS) => {
  const args = ["run", "-A", "--no-lock", AUTOCANNON, "--json"];
  const text = await run(Deno.execPath(), [
    ...args,
    ...["--connections", String(connections), "--duration", String(seconds), url],
  ]);
  const { requests, latency, errors, non2xx } = JSON.parse(text) as {
    readonly requests: { readonly average: number };
    readonly latency: { readonly p50: number; readonly p99: number };
    readonly errors: number;
    readonly non2xx: number;
  };
  return {
    perSecond: requests.average,
    p50: latency.p50,
    p99: latency.p99,
    failed: errors + non2xx,
  };
};

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function millis(text = ""): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  return unit === undefined ? NaN : Number(number) * UNITS[unit]!;
}

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot run ${command}: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}
