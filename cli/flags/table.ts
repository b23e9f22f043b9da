/**
 * All flags of the command line, one entry each: the parser, the commands' types, the help, the completions and the page
 * of docs are made from these tables.
 *
 * @module
 */
import { ERROR_DETAILS } from "../../service/http/error_text.ts";
import { LIMIT_NAMES } from "../../service/limits.ts";
import { REUSES } from "../../service/reuse.ts";
import { UsageError } from "../errors.ts";
import { imagesOnDemand } from "../images.ts";
import { type FieldsOf, flag, type FlagTable, type Given } from "./flag.ts";
import {
  LOG_FORMATS,
  parseBackends,
  parseCount,
  parseEnv,
  parseErrors,
  parseGuestEnv,
  parseLimits,
  parseLogFormat,
  parseNamedFiles,
  parseProxies,
  parseReuse,
} from "./flag_values.ts";
import { STORES } from "./store_flags.ts";
import { VICEROY_FLAGS } from "./viceroy.ts";
import { LISTENER } from "./listener_flags.ts";

const PROGRAM = {
  "wasm": flag({
    value: "FILE",
    example: "app.wasm",
    help: "The program, a module or its text (.wat); the same as naming it without a flag",
  }),
  "config": flag({
    short: "C",
    value: "FILE",
    example: "fastly.toml",
    help:
      "The fastly.toml whose [local_server] is read (default fastly.toml of the working directory)",
    read: ({ last }) => ({ config: last }),
  }),
  "env": flag({
    value: "NAME",
    example: "NAME",
    help: "Read fastly.NAME.toml instead",
    read: ({ last }) => ({ env: parseEnv(last) }),
  }),
  "guest-env": flag({
    value: "NAME[=VALUE]",
    example: "NAME=VALUE",
    repeats: true,
    help: "A variable of the guest's environment; without a value it is as in yours",
    read: ({ all }) => ({ guestEnv: parseGuestEnv(all, (name) => Deno.env.get(name)) }),
    options: ({ guestEnv }) => Object.keys(guestEnv).length ? { env: guestEnv } : {},
  }),
  "reuse": flag({
    value: "HOW",
    example: "never",
    choices: REUSES,
    help:
      "How an instance of the program is put back to its first state after a request, if the program " +
      "allows that: the 1 KiB pages that were written to (dirty-pages), its whole memory (snapshot), or the " +
      "cheaper of both (auto, the default); never makes a new instance for each request, which is slower",
    read: ({ last }) => ({ reuse: parseReuse(last) }),
    options: ({ reuse }) => ({ reuse }),
  }),
  "park": flag({
    value: "N",
    example: "2",
    commands: ["serve"],
    help:
      "Keep that many instances that have started ahead of requests and wait in the call that asks for one, for " +
      "programs that start slowly, as those of Go; their clocks and random numbers are from before the request",
    read: ({ last }) => ({ park: parseCount("park", last) }),
    options: ({ park }) => park ? { park } : {},
  }),
  "limit": flag({
    value: "NAME=VALUE",
    example: "memory=256MiB",
    choices: LIMIT_NAMES.map((name) => `${name}=`),
    repeats: true,
    help:
      "What a request, a guest or a backend may use, as memory=256MiB, wall_time=30s or queue=none",
    read: ({ all }) => ({ limits: parseLimits(all) }),
    options: ({ limits }) => ({ limits }),
  }),
  "allow-unlimited": flag({
    help:
      "Run a program for which cpu_time or memory cannot hold, as one with types of garbage collection; " +
      "without it, such a program is refused",
    read: ({ on = false }) => ({ allowUnlimited: on }),
    options: ({ allowUnlimited }) => allowUnlimited ? { allowUnlimited } : {},
  }),
  "no-image-optimizer": flag({
    help: "Tell guests that images cannot be transformed",
    read: ({ on = false }) => ({ imageOptimizer: !on }),
    options: ({ imageOptimizer }) => imageOptimizer ? { imageOptimizer: imagesOnDemand() } : {},
  }),
} as const;

const CLIENTS = {
  "trust-proxy": flag({
    value: "CIDR",
    example: "10.0.0.0/8",
    choices: ["loopback", "private"],
    repeats: true,
    commands: ["serve"],
    help:
      "A proxy in front of this host, by address or range, or loopback or private: its fields " +
      "X-Forwarded-For and -Proto, or else Forwarded, have the client's address and scheme",
    read: ({ all }) => ({ trustProxy: parseProxies("trust-proxy", all) }),
    options: ({ trustProxy }) => trustProxy.length ? { trustProxy } : {},
  }),
  "errors": flag({
    value: "HOW",
    choices: ERROR_DETAILS,
    commands: ["serve"],
    help:
      "What clients are told of a request that the program fails: why, with the names of its functions " +
      "(details), or the request's id in the log (brief). By default details for clients on this machine, " +
      "unless --trust-proxy is given, and brief for others",
    read: ({ last }) => ({ errors: parseErrors(last) }),
    options: ({ errors }) => ({ errors }),
  }),
  "bot-headers": flag({
    help:
      "Believe the fields x-fastly-bot-* of requests, for tests (default under the name viceroy)",
    read: ({ on = false, command, asViceroy }) => ({
      botHeaders: on || (asViceroy && command === "serve"),
    }),
    options: ({ botHeaders }) => botHeaders ? { botHeaders } : {},
  }),
} as const;

interface MockFields {
  readonly mocks: Readonly<Record<string, string>>;
  /** From `--backend`. */
  readonly backends?: Readonly<Record<string, string>>;
}

const BACKENDS = {
  "backend": flag({
    value: "[NAME=]URL",
    example: "NAME=https://example.com",
    repeats: true,
    help: "A backend; without a name the same as --proxy-to",
    read({ all, of }) {
      const { named, catchAll } = parseBackends(all, of("proxy-to").all);
      return { backends: named, catchAll };
    },
    options: ({ backends, catchAll }) => ({ backends, catchAll }),
  }),
  "mock": flag<MockFields>({
    value: "NAME=FILE",
    example: "NAME=FILE",
    repeats: true,
    help: "A backend whose answers are in a JSON file: a mock, a list of them, or mocks by route",
    read({ all, name, of }) {
      const mocks = parseNamedFiles(name, all);
      for (const backend of Object.keys(mocks)) {
        if (of("backend").all.some((one) => one.startsWith(`${backend}=`))) {
          throw new UsageError(`Cannot use --mock ${backend}: --backend defines it, leave one out`);
        }
      }
      return { mocks };
    },
    async options({ mocks, backends }, table) {
      if (!Object.keys(mocks).length) return {};
      const { parseMocks } = await import("../manifest/mocks.ts");
      return { backends: { ...backends, ...parseMocks(table(mocks)) } };
    },
  }),
  "proxy-to": flag({
    value: "ADDR",
    example: "localhost:8000",
    help: "Where requests to backends go that nothing else defines; a host gets http://",
  }),
  "cache": flag({
    help: "Cache responses of backends under run and under the name viceroy, too",
    read: (given) => ({ cache: parseCache(given) }),
    options: ({ cache }) => ({ cache }),
  }),
  "no-cache": flag({
    help: "Send every request to its backend; without it, responses are cached as at Fastly",
  }),
  "loop-guard": flag({
    help: "Refuse requests that have come through this host before",
    read: ({ on = false }) => ({ loopGuard: on }),
    options: ({ loopGuard }) => ({ loopGuard }),
  }),
} as const;

/**
 * Whether the cache is on: by default only for `serve` that was not started as Viceroy. Tests, which `run` runs, expect
 * each of their requests to reach the backend.
 */
function parseCache({ on, of, command, asViceroy }: Given): boolean {
  const off = of("no-cache").on === true;
  if (on && off) throw new UsageError("Cannot use --cache with --no-cache: leave one out");
  return on === true || (command === "serve" && !asViceroy && !off);
}

const LOGS = {
  "verbose": flag({
    short: "v",
    help: "Tell more; -vv tells every hostcall",
    read: ({ count }) => ({ verbosity: count }),
    options: ({ verbosity }) => ({ logHostcalls: verbosity > 1 }),
  }),
  "log-endpoint": flag({
    value: "NAME=FILE",
    example: "NAME=FILE",
    repeats: true,
    help: "Append the records of a log endpoint to a file",
    read: ({ all, name }) => ({ logEndpoints: parseNamedFiles(name, all) }),
  }),
  "log-format": flag({
    value: "FORMAT",
    example: "json",
    choices: LOG_FORMATS,
    help:
      "Write records of log endpoints and the lines of the access log as text (the default) or as json",
    read: ({ last }) => ({ logFormat: parseLogFormat(last) }),
  }),
} as const;

const ABOUT = {
  "help": flag({
    short: "h",
    help: "Print the help, behind serve or run the help of that command",
  }),
  "version": flag({ short: "V", help: "Print the version" }),
} as const;

/** Tables with their headings, in the order of the help. */
export const SECTIONS: readonly (readonly [heading: string, flags: FlagTable])[] = [
  ["The program", PROGRAM],
  ["Clients", { ...LISTENER, ...CLIENTS }],
  ["Backends", BACKENDS],
  ["Stores and lookups", STORES],
  ["Logs", LOGS],
  ["Flags of Viceroy, Fastly's own local server", VICEROY_FLAGS],
  ["About this program", ABOUT],
];

/** All flags, by name without dashes. */
export const FLAGS: FlagTable = Object.assign({}, ...SECTIONS.map(([, flags]) => flags));

/** Flags of {@linkcode ServiceFields}: all but those of the listener. */
export const SERVICE_FLAGS: FlagTable = Object.fromEntries(
  Object.entries(FLAGS).filter(([name]) => !Object.hasOwn(LISTENER, name)),
);

/** Fields of every command that runs a program. */
export type ServiceFields =
  & FieldsOf<typeof PROGRAM>
  & FieldsOf<typeof CLIENTS>
  & FieldsOf<typeof BACKENDS>
  & FieldsOf<typeof STORES>
  & FieldsOf<typeof LOGS>
  & FieldsOf<typeof VICEROY_FLAGS>;

/** Fields of `serve` alone. */
export type ListenerFields = FieldsOf<typeof LISTENER>;
