import { suggest } from "./util/suggest.ts";

/**
 * What a limit is set to: a number of milliseconds or bytes, or a count; or a text with a unit, as `300ms`, `10s`, `2m`,
 * `512KiB`, `64MiB` or `100MB`. `Infinity` and `none` are for no limit, where that is possible.
 */
export type Limit = number | string;

/**
 * Bounds on what requests, guests and backends may use. The names are the same as keys of `[local_server.limits]` and in
 * `--limit NAME=VALUE`.
 */
export interface Limits {
  /** Linear memory of an instance, in pages of 64 KiB: growth past it fails. By default 128 MiB. */
  readonly memory?: Limit;
  /** Time that a guest may compute for a request, without the time that it waits. By default 10 s. */
  readonly cpu_time?: Limit;
  /** Time from a request's arrival to the end of its guest. By default 120 s. */
  readonly wall_time?: Limit;
  /**
   * Time in which neither side moves a byte of a response that goes on after its guest has ended: beyond it the response
   * is cut. It is also the time that such a response may take to begin. By default 300 s.
   */
  readonly stall_time?: Limit;
  /** Instances that live at the same time; requests beyond wait for one, up to 10 s. By default 1000. */
  readonly instances?: Limit;
  /** Requests that wait for an instance; those beyond get a 503 at once. By default 1000. */
  readonly queue?: Limit;
  /**
   * Connections of clients that are open at the same time, to the executable; those beyond get a 503. By default fewer
   * than the files that its process may open, and 10,000 where that is not known.
   */
  readonly connections?: Limit;
  /** Header fields of a message, in bytes: names, values, and 4 for each field. By default 128 KiB, as Fastly's. */
  readonly header_bytes?: Limit;
  /** Header fields of a message. By default 10,000. */
  readonly header_count?: Limit;
  /** A client's URL, in bytes: scheme, host, path and query. By default 64 KiB. */
  readonly url_bytes?: Limit;
  /** Bytes that a request's guest has written to bodies and nobody has read or sent yet. By default 128 MiB. */
  readonly body_bytes?: Limit;
  /** Requests to backends for one of a client. By default 1000; Fastly's own bound is 32 unless they raise it. */
  readonly backend_requests?: Limit;
  /** Bytes of log records and standard output for a request; what comes beyond is dropped. By default 16 MiB. */
  readonly log_bytes?: Limit;
  /**
   * Bytes that cached objects take, in memory and where they are kept: the least recently used beyond them are
   * forgotten. By default 256 MiB.
   */
  readonly cache_bytes?: Limit;
  /**
   * Bytes of keys, metadata and values in all KV stores that are kept in memory, those without a `kvDriver`: an insert
   * beyond them fails with `payload too large`. What has expired does not count. By default 1 GiB.
   */
  readonly kv_bytes?: Limit;
  /**
   * Time in which a driver of the cache or of rate counters has to answer: beyond it the guest's call fails, and the
   * cache goes on without its driver. By default 10 s.
   */
  readonly driver_time?: Limit;
  /** Requests that one sandbox answers before it ends, for guests that ask for more than one. By default 6. */
  readonly sandbox_requests?: Limit;
  /** Time that a sandbox waits for its next request. By default 10 s. */
  readonly sandbox_idle?: Limit;
}

/** The name of a limit. */
export type LimitName = keyof Limits;

/** Every limit in milliseconds or bytes, or as a count; `Infinity` where there is none. */
export type LimitValues = Readonly<Record<LimitName, number>>;

interface Rule {
  readonly unit: keyof typeof UNITS;
  readonly value: number;
  readonly least?: number;
  /** Without it there may be no limit at all. */
  readonly most?: number;
}

const SECOND = 1000;
const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** How numbers are written, and how much each unit is; a number without a unit is of the first. */
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

/** The longest time that a timer of the platform takes. */
const LONGEST = 2 ** 31 - 1;

const RULES: { readonly [N in LimitName]-?: Rule } = {
  memory: { unit: "bytes", value: 128 * MIB, least: 64 * KIB, most: 4 * GIB },
  cpu_time: { unit: "time", value: 10 * SECOND, least: 1 },
  wall_time: { unit: "time", value: 120 * SECOND, least: 1 },
  stall_time: { unit: "time", value: 300 * SECOND, least: 1 },
  // About 32,000 memories of 4 GiB of addresses each are all that a process has room for.
  instances: { unit: "count", value: 1000, least: 1, most: 30_000 },
  queue: { unit: "count", value: 1000 },
  connections: { unit: "count", value: 10_000, least: 1 },
  header_bytes: { unit: "bytes", value: 128 * KIB, least: KIB, most: 64 * MIB },
  header_count: { unit: "count", value: 10_000, least: 1 },
  url_bytes: { unit: "bytes", value: 64 * KIB, least: 64, most: 64 * MIB },
  body_bytes: { unit: "bytes", value: 128 * MIB },
  backend_requests: { unit: "count", value: 1000 },
  log_bytes: { unit: "bytes", value: 16 * MIB },
  cache_bytes: { unit: "bytes", value: 256 * MIB },
  kv_bytes: { unit: "bytes", value: GIB },
  driver_time: { unit: "time", value: 10 * SECOND, least: 1 },
  sandbox_requests: { unit: "count", value: 6, least: 1 },
  sandbox_idle: { unit: "time", value: 10 * SECOND },
};

/** All names. */
export const LIMIT_NAMES: readonly LimitName[] = Object.keys(RULES) as LimitName[];

/** The limits of a service that sets none. */
export const DEFAULT_LIMITS: LimitValues = Object.fromEntries(
  LIMIT_NAMES.map((name) => [name, RULES[name].value]),
) as LimitValues;

/**
 * The limits that the options of a service set, and the default ones.
 *
 * @throws {TypeError} If a name or a value makes no sense.
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
 * The number behind a limit's value.
 *
 * @param name Of which it is not known yet whether it is one.
 * @param value A {@linkcode Limit}, if it makes sense.
 * @param wrong Told what is wrong with the name or the value, in words that follow "it".
 */
export function readLimit(name: string, value: unknown, wrong: (what: string) => never): number {
  if (!isLimitName(name)) {
    const meant = suggest(name, LIMIT_NAMES);
    return wrong(
      `is not known: ${meant ? `did you mean ${meant}?` : `there are ${LIMIT_NAMES.join(", ")}`}`,
    );
  }
  const rule = RULES[name];
  const { least = 0, most } = rule;
  const number = numberOf(value, rule.unit);
  const fits = number >= least &&
    (number <= (most ?? mostOf(rule)) || number === Infinity && !most);
  return fits ? number : wrong(`must be ${expected(rule)}`);
}

function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(RULES, name);
}

/** `NaN` for what is no number of the unit. */
function numberOf(value: unknown, unit: Rule["unit"]): number {
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

function mostOf({ unit }: Rule): number {
  return unit === "time" ? LONGEST : Number.MAX_SAFE_INTEGER;
}

function expected({ unit, least, most }: Rule): string {
  const bounds = [
    least && `at least ${shown(unit, least)}`,
    most && `at most ${shown(unit, most)}`,
  ].filter(Boolean).join(" and ");
  return UNITS[unit].words + (bounds && `, ${bounds}`) + (most ? "" : ", or none for no limit");
}

/** A limit with its value, as in messages: `wall_time 120s`. */
export function describeLimit(name: LimitName, limits: LimitValues): string {
  return `${name} ${shown(RULES[name].unit, limits[name])}`;
}

/** A number with the largest unit of which it is a whole one. */
function shown(unit: Rule["unit"], value: number): string {
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
