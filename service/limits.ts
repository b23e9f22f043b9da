import { didYouMean } from "./util/suggest.ts";

/**
 * Value of a limit: a number of milliseconds or bytes, or a count; or a text with a unit, as `300ms`, `10s`, `2m`,
 * `512KiB`, `64MiB` or `100MB`. `Infinity` and `none` mean no limit, for limits that allow it.
 */
export type Limit = number | string;

/** Name of a limit. */
export type LimitName = keyof typeof LIMITS;

/**
 * Limits for requests, guests, clients and backends. The names are the same as keys of `[local_server.limits]` and in
 * `--limit NAME=VALUE`; docs/limits.md has the meaning, the default and the effect of each.
 */
export type Limits = { readonly [N in LimitName]?: Limit };

/** All limits, in milliseconds or bytes, or as counts; `Infinity` for none. */
export type LimitValues = Readonly<Record<LimitName, number>>;

/** Definition of a limit. */
interface Entry {
  readonly unit: keyof typeof UNITS;
  /** Default, in milliseconds or bytes, or as a count. */
  readonly value: number;
  readonly min?: number;
  /** Largest value; without it `Infinity` is allowed. */
  readonly max?: number;
  /** Bounded resource, in words for the table of limits. */
  readonly bounds: string;
  /** Effect beyond the limit. */
  readonly beyond: string;
  /** Default of the executable, if it depends on the machine. */
  readonly byDefault?: string;
}

const SECOND = 1000;
const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Units by kind, with their factors and words for messages; a number without a unit is in the first. */
const UNITS = {
  time: {
    factors: { ms: 1, s: SECOND, m: 60 * SECOND, h: 3600 * SECOND },
    words: "a time as 300ms, 10s or 2m",
  },
  bytes: {
    factors: { b: 1, kib: KIB, mib: MIB, gib: GIB, kb: 1e3, mb: 1e6, gb: 1e9 },
    words: "a size as 512KiB, 64MiB or 100MB",
  },
  count: { factors: { "": 1 }, words: "a whole number" },
} as const;

/** Longest timer of the platform, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** All limits, one entry each: options, flags, help and the tables of docs are made from it. */
export const LIMITS = {
  /** Linear memory of an instance, in pages of 64 KiB: growth past it fails. By default 128 MiB. */
  memory: {
    unit: "bytes",
    value: 128 * MIB,
    min: 64 * KIB,
    max: 4 * GIB,
    bounds: "memory and tables (8 bytes an element) of an instance",
    beyond: "growth fails",
  },
  /** Time that a guest may compute for a request, without the time that it waits. By default 10 s. */
  cpu_time: {
    unit: "time",
    value: 10 * SECOND,
    min: 1,
    bounds: "processor time of a guest for a request",
    beyond: "the guest is stopped, 500",
  },
  /** Time from a request's arrival to the end of its guest. By default 120 s. */
  wall_time: {
    unit: "time",
    value: 120 * SECOND,
    min: 1,
    bounds: "time from a request's arrival to the end of its guest",
    beyond: "the guest is stopped, 504",
  },
  /**
   * Time in which neither side moves a byte of a response that goes on after its guest has ended: beyond it the response
   * is cut. It is also the time that such a response may take to begin. By default 300 s.
   */
  stall_time: {
    unit: "time",
    value: 300 * SECOND,
    min: 1,
    bounds: "time in which a response, or a client, moves no byte",
    beyond: "the response is cut, or its client gets a 408",
  },
  /** Instances that live at the same time; requests beyond wait for one, up to 10 s. By default 1000. */
  // The address space of a process has room for about 32,000 memories, of which each reserves 4 GiB.
  instances: {
    unit: "count",
    value: 1000,
    min: 1,
    max: 30_000,
    bounds: "instances that live at the same time",
    beyond: "requests wait for one up to 10 s, then 503 with `Retry-After`",
  },
  /** Requests that wait for an instance; those beyond get a 503 at once. By default 1000. */
  queue: {
    unit: "count",
    value: 1000,
    bounds: "requests that wait for an instance",
    beyond: "503 with `Retry-After` at once",
  },
  /**
   * Connections of clients that are open at the same time, to the executable; those beyond get a 503. By default fewer
   * than the files that its process may open, and 10,000 where that is not known.
   */
  connections: {
    unit: "count",
    value: 10_000,
    min: 1,
    bounds: "connections of clients to the executable, open at the same time",
    beyond: "503 and a close",
    byDefault: "by `ulimit -n`",
  },
  /** Requests of a client that are open on one HTTP/2 connection, to the executable. By default 100. */
  http2_streams: {
    unit: "count",
    value: 100,
    min: 1,
    max: 10_000,
    bounds: "requests that are open on one HTTP/2 connection",
    beyond: "the client waits; one that does not is cut off",
  },
  /** Requests of an HTTP/2 connection that its client resets in quick succession, beside one a second. By default 100. */
  http2_resets: {
    unit: "count",
    value: 100,
    min: 1,
    bounds: "HTTP/2 requests that a client resets, beside one a second",
    beyond: "the connection is closed",
  },
  /** Header fields of a message, in bytes: names, values, and 4 for each field. By default 128 KiB, as Fastly's. */
  header_bytes: {
    unit: "bytes",
    value: 128 * KIB,
    min: KIB,
    max: 64 * MIB,
    bounds: "header fields of a message: names, values, and 4 bytes for each",
    beyond: "client: 431; backend: the send fails; guest: the hostcall fails",
  },
  /** Header fields of a message. By default 10,000. */
  header_count: {
    unit: "count",
    value: 10_000,
    min: 1,
    bounds: "header fields of a message",
    beyond: "client: 431; backend: the send fails; guest: the hostcall fails",
  },
  /** A client's URL, in bytes: scheme, host, path and query. By default 64 KiB. */
  url_bytes: {
    unit: "bytes",
    value: 64 * KIB,
    min: 64,
    max: 64 * MIB,
    bounds: "a client's URL: scheme, host, path and query",
    beyond: "414; guest: the hostcall fails",
  },
  /** Bytes that a guest has written to bodies and that were not read or sent yet. By default 128 MiB. */
  body_bytes: {
    unit: "bytes",
    value: 128 * MIB,
    bounds: "bodies that a guest has written and that were not read or sent yet",
    beyond: "the write fails",
  },
  /** Requests to backends for one of a client. By default 1000; Fastly's own bound is 32 unless they raise it. */
  backend_requests: {
    unit: "count",
    value: 1000,
    bounds: "requests to backends for one of a client (Fastly: 32)",
    beyond: "the send fails",
  },
  /** Bytes of log records and standard output for a request; the rest is dropped. By default 16 MiB. */
  log_bytes: {
    unit: "bytes",
    value: 16 * MIB,
    bounds: "log records and standard output for a request",
    beyond: "the rest is dropped, with one warning",
  },
  /**
   * Bytes that cached objects take, in memory and where they are kept: the least recently used beyond them are
   * forgotten. By default 256 MiB.
   */
  cache_bytes: {
    unit: "bytes",
    value: 256 * MIB,
    bounds: "cached objects",
    beyond: "the least recently used are forgotten",
  },
  /**
   * Bytes of keys, metadata and values in all KV stores that are kept in memory, those without a `kvDriver`, or in the
   * temporary file of workers: an insert beyond them fails with `payload too large`. Expired entries do not count. By
   * default 1 GiB.
   */
  kv_bytes: {
    unit: "bytes",
    value: GIB,
    bounds: "keys, metadata and values of KV stores in memory",
    beyond: "the insert fails: payload too large",
  },
  /**
   * Time in which a driver of KV stores, of the cache or of rate counters has to answer: beyond it the guest's call
   * fails, and the cache goes on without its driver. By default 10 s.
   */
  driver_time: {
    unit: "time",
    value: 10 * SECOND,
    min: 1,
    bounds: "time for a driver of KV stores, the cache or rate counters to answer",
    beyond: "the guest's call fails",
  },
  /** Requests that one sandbox answers before it ends, for guests that ask for more than one. By default 6. */
  sandbox_requests: {
    unit: "count",
    value: 6,
    min: 1,
    bounds: "requests that a guest takes in one run",
    beyond: "it gets no more",
  },
  /** Time that a sandbox waits for its next request. By default 10 s. */
  sandbox_idle: {
    unit: "time",
    value: 10 * SECOND,
    bounds: "time that a guest waits for its next request",
    beyond: "it gets no more",
  },
} as const satisfies Readonly<Record<string, Entry>>;

/** All names. */
export const LIMIT_NAMES: readonly LimitName[] = Object.keys(LIMITS) as LimitName[];

/** Default limits. */
export const DEFAULT_LIMITS: LimitValues = Object.fromEntries(
  LIMIT_NAMES.map((name) => [name, LIMITS[name].value]),
) as LimitValues;

/**
 * Returns the limits of options, with defaults for those left out.
 *
 * @throws {TypeError} If a name or a value is not valid.
 */
export function limitsOf(limits: Limits = {}): LimitValues {
  const given = Object.entries(limits).filter(([, value]) => value !== undefined).map(
    ([name, value]) => {
      const wrong = (what: string): never => {
        throw new TypeError(`Cannot use limits.${name}: it ${what}`);
      };
      return [name, readLimit(name, value, wrong)];
    },
  );
  return { ...DEFAULT_LIMITS, ...Object.fromEntries(given) };
}

/**
 * Reads the value of a limit.
 *
 * @param name Name; it is checked.
 * @param value A {@linkcode Limit}; it is checked.
 * @param wrong Called with the fault of the name or the value, in words that follow "it"; throws.
 * @returns Milliseconds, bytes or a count; `Infinity` for no limit.
 */
export function readLimit(name: string, value: unknown, wrong: (what: string) => never): number {
  if (!isLimitName(name)) {
    return wrong(`is not known: ${didYouMean(name, LIMIT_NAMES)}`);
  }
  const rule: Entry = LIMITS[name];
  const { min = 0, max } = rule;
  const number = numberOf(value, rule.unit);
  const fits = number >= min &&
    (number <= (max ?? maxOf(rule)) || number === Infinity && !max);
  return fits ? number : wrong(`must be ${expected(rule)}`);
}

function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(LIMITS, name);
}

/** Parses a value; `NaN` if it is not a number of the unit. */
function numberOf(value: unknown, unit: Entry["unit"]): number {
  if (typeof value === "number") {
    return Number.isInteger(value) || value === Infinity ? value : NaN;
  }
  if (typeof value !== "string") return NaN;
  if (value === "none") return Infinity;
  const [, digits, word] = /^(\d+(?:\.\d+)?) *([a-z]*)$/.exec(value.trim().toLowerCase()) ?? [];
  const factors: Readonly<Record<string, number>> = UNITS[unit].factors;
  const factor = word === "" ? 1 : Object.hasOwn(factors, word!) ? factors[word!]! : NaN;
  const number = Number(digits) * factor;
  return word === "" ? numberOf(number, unit) : Math.round(number);
}

function maxOf({ unit }: Entry): number {
  return unit === "time" ? LONGEST : Number.MAX_SAFE_INTEGER;
}

function expected({ unit, min, max }: Entry): string {
  const bounds = [
    min && `at least ${shown(unit, min)}`,
    max && `at most ${shown(unit, max)}`,
  ].filter(Boolean).join(" and ");
  return UNITS[unit].words + (bounds && `, ${bounds}`) + (max ? "" : ", or none for no limit");
}

/** Returns a limit and its value for messages: `wall_time 120s`. */
export function describeLimit(name: LimitName, limits: LimitValues): string {
  return `${name} ${shown(LIMITS[name].unit, limits[name])}`;
}

/** Formats a number in the largest unit of which it is a multiple. */
function shown(unit: Entry["unit"], value: number): string {
  if (unit === "count") return String(value);
  if (unit === "time") return value % SECOND ? `${value}ms` : `${value / SECOND}s`;
  const [name, size] = SIZES.find(([, size]) => value % size === 0 && value >= size) ?? ["B", 1];
  return `${value / size}${name}`;
}

const SIZES = [
  ["GiB", GIB],
  ["GB", 1e9],
  ["MiB", MIB],
  ["MB", 1e6],
  ["KiB", KIB],
  ["KB", 1e3],
] as const;

/** Description of a limit, for help and docs. */
interface DescribedLimit {
  readonly name: LimitName;
  /** Default with its unit. */
  readonly value: string;
  /** Bounded resource, in words for the table of limits. */
  readonly bounds: string;
  /** Effect beyond the limit. */
  readonly beyond: string;
  /** Default of the executable, if it depends on the machine. */
  readonly byDefault?: string;
}

/** Descriptions of all limits. */
export const DESCRIBED_LIMITS: readonly DescribedLimit[] = LIMIT_NAMES.map((name) => {
  const { unit, value, bounds, beyond, byDefault }: Entry = LIMITS[name];
  return { name, value: shown(unit, value), bounds, beyond, ...byDefault && { byDefault } };
});
