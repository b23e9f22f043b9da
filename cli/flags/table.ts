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
import { parseMocks } from "../manifest/mocks.ts";
import { type FieldsOf, flag, type FlagTable, type Given } from "./flag.ts";
import {
  CLIENT_AUTHS,
  LOG_FORMATS,
  parseAdmin,
  parseBackends,
  parseBind,
  parseCount,
  parseEnv,
  parseErrors,
  parseGuestEnv,
  parseHttps,
  parseLimits,
  parseLogFormat,
  parseNamedFiles,
  parseProxies,
  parseReuse,
  parseWorkers,
} from "./flag_values.ts";
import { STORES } from "./store_flags.ts";
import { VICEROY_BIND, VICEROY_FLAGS } from "./viceroy.ts";

const DEFAULT_BIND = "localhost:5000";

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
      "allows that: the 4 KiB pages that were written to (dirty-pages), its whole memory (snapshot), or what " +
      "is cheaper (auto, the default); never makes a new instance for each request, which is slower",
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

/** Flags of `serve` alone, whose fields no other command has. */
const LISTENER = {
  "bind": flag({
    short: "b",
    value: "ADDR",
    example: "localhost:5000",
    commands: ["serve"],
    help:
      "Where to listen: host:port, :port (every address), [::1]:port or a port; port 0 takes a free " +
      `one (default ${DEFAULT_BIND}; under the name viceroy ${VICEROY_BIND})`,
    read({ last, of, asViceroy }) {
      const bind = parseBind(last ?? of("addr").last ?? (asViceroy ? VICEROY_BIND : DEFAULT_BIND));
      return { bind, admin: parseAdmin(of("admin").last, bind) };
    },
  }),
  "https": flag({
    commands: ["serve"],
    help:
      "Serve HTTPS at the address of --bind, and no plain HTTP there; without --cert with a certificate for " +
      "localhost, of an authority that is made for this machine (see fastlike trust)",
    read: (given) => ({ https: parseHttps(given) }),
  }),
  "cert": flag({
    value: "FILE",
    example: "cert.pem",
    commands: ["serve"],
    help:
      "The server's certificate in PEM, followed by those of intermediate authorities, for HTTPS; read again when it changes",
  }),
  "key": flag({
    value: "FILE",
    example: "key.pem",
    commands: ["serve"],
    help: "The certificate's private key in PEM, by default in the file of --cert",
  }),
  "client-ca": flag({
    value: "FILE",
    example: "clients.pem",
    commands: ["serve"],
    help:
      "Authorities of clients' certificates in PEM: clients over HTTPS need a certificate of one",
  }),
  "client-auth": flag({
    value: "HOW",
    example: "request",
    choices: CLIENT_AUTHS,
    commands: ["serve"],
    help:
      "With --client-ca: refuse clients without an accepted certificate (require, the default), or serve them and " +
      "let the program look at it (request)",
  }),
  "http-redirect": flag({
    value: "ADDR",
    example: ":80",
    commands: ["serve"],
    help: "With HTTPS: answer plain HTTP there with a redirect to the same URL under https",
  }),
  "proxy-protocol": flag({
    value: "CIDR",
    example: "10.0.0.0/8",
    choices: ["loopback", "private"],
    repeats: true,
    commands: ["serve"],
    help:
      "A proxy, by address or range, whose connections begin with a header of the PROXY protocol (version 1 or 2), " +
      "ahead of TLS: the client's address is in it",
    read: ({ all }) => ({ proxyProtocol: parseProxies("proxy-protocol", all) }),
  }),
  "h2c": flag({
    commands: ["serve"],
    help:
      "Speak HTTP/2 without TLS, too, to clients that begin with it (prior knowledge); over HTTPS it is always offered",
    read: ({ on = false }) => ({ h2c: on }),
  }),
  "admin": flag({
    value: "ADDR",
    example: "localhost:9000",
    commands: ["serve"],
    help: "Serve /healthz and /metrics (for Prometheus) there",
  }),
  "warmup": flag({
    value: "N",
    example: "8",
    commands: ["serve"],
    help: "Make that many instances before the first request",
    read: ({ last }) => ({ warmup: parseCount("warmup", last) }),
  }),
  "workers": flag({
    value: "N",
    example: "auto",
    choices: ["auto"],
    commands: ["serve"],
    help:
      "Serve by N processes behind one socket, or by one for each core (auto); a guest that computes, or crashes " +
      "its process, holds up one of them (default 1)",
    read: ({ last }) => ({ workers: parseWorkers(last) }),
  }),
  "watch": flag({
    commands: ["serve"],
    help:
      "Follow changes of the program, of fastly.toml and of the files that it names: new requests get what is " +
      "new, running ones end on the old. With a build command, changes of sources build the program",
    read: ({ on = false }) => ({ watch: on }),
  }),
  "build": flag({
    value: "COMMAND",
    example: '"cargo build --release --target wasm32-wasip1"',
    commands: ["serve"],
    help:
      "Build the program with this command, at the start and with --watch at each change of a source; without a " +
      "program named, the default is [scripts] build of fastly.toml",
    read: ({ last }) => ({ build: last }),
  }),
  "watch-dir": flag({
    value: "DIR",
    example: "src",
    repeats: true,
    commands: ["serve"],
    help:
      "A folder (or file) of sources, without what .gitignore and .fastlyignore name; by default the project's folder",
    read: ({ all }) => ({ watchDirs: all }),
  }),
  "watch-poll": flag({
    commands: ["serve"],
    help:
      "Look for changes each second only: for file systems that tell of none (network shares, containers)",
    read: ({ on = false }) => ({ watchPoll: on }),
  }),
  "live-reload": flag({
    commands: ["serve"],
    help: "Have browsers load their pages again at each reload, by a script that is added to HTML",
    read: ({ on = false }) => ({ liveReload: on }),
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
      "A proxy in front of this host, by address or range, or loopback or private: what it says in " +
      "X-Forwarded-For and -Proto, or else in Forwarded, is the client's address and scheme",
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
    options: ({ mocks, backends }, table) =>
      Object.keys(mocks).length ? { backends: { ...backends, ...parseMocks(table(mocks)) } } : {},
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
