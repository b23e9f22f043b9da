// @ts-types="./std_parse_args.d.ts"
import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import type { ErrorDetails } from "../../service/http/error_text.ts";
import type { LimitName } from "../../service/limits.ts";
import { suggest } from "../../service/util/suggest.ts";
import { UsageError } from "../errors.ts";
import {
  type Bind,
  type LogFormat,
  parseAdmin,
  parseBackends,
  parseBind,
  parseEnv,
  parseErrors,
  parseGuestEnv,
  parseKvStores,
  parseLimits,
  parseLogFormat,
  parseNamedFiles,
  parseReuse,
  parseTrustProxy,
  parseWarmup,
} from "./flag_values.ts";
import type { Reuse } from "../../service/reuse.ts";
import { firstPlain, splitRun } from "./run_line.ts";
import {
  parseViceroyFlags,
  refuseAdapt,
  VICEROY_ALIASES,
  VICEROY_BIND,
  VICEROY_WITH_VALUE,
  VICEROY_WITHOUT_VALUE,
  type ViceroyFlags,
} from "../commands/viceroy.ts";

/** Flags that say what a service is made of, whatever runs it. */
export interface ServiceFlags {
  /** URLs by backend name. */
  readonly backends: Readonly<Record<string, string>>;
  /** The URL behind every other backend name. */
  readonly catchAll: string | undefined;
  /** The path of a fastly.toml. */
  readonly config: string | undefined;
  /** Which variant of the manifest is read: `stage` is for `fastly.stage.toml`. */
  readonly env: string | undefined;
  /** JSON files by the name of the KV store; undefined for an empty one. */
  readonly kvStores: Readonly<Record<string, string | undefined>>;
  /** The folder where stores are kept from one start to the next. */
  readonly persist: string | undefined;
  /** JSON files by the name of the config store. */
  readonly configStores: Readonly<Record<string, string>>;
  /** JSON files by the name of the secret store. */
  readonly secretStores: Readonly<Record<string, string>>;
  /** JSON files by the name of the ACL. */
  readonly acls: Readonly<Record<string, string>>;
  /** A JSON or MaxMind file that tells where addresses are. */
  readonly geo: string | undefined;
  /** A JSON file that tells devices by User-Agent. */
  readonly device: string | undefined;
  /** Files that take the records of log endpoints, by the endpoint's name. */
  readonly logEndpoints: Readonly<Record<string, string>>;
  /** How records of log endpoints and the lines of the access log are written. */
  readonly logFormat: LogFormat;
  /** Limits to set, as numbers. */
  readonly limits: Readonly<Partial<Record<LimitName, number>>>;
  /** Variables of the guest's environment. */
  readonly guestEnv: Readonly<Record<string, string>>;
  /** How often `-v` was given. */
  readonly verbosity: number;
  /** Whether what backends answer is cached. */
  readonly cache: boolean;
  readonly loopGuard: boolean;
  /** Whether a program is loaded for which a limit does not hold. */
  readonly allowUnlimited: boolean;
  /** Proxies to believe, as `--trust-proxy` and `ServiceOptions.trustProxy` have them. */
  readonly trustProxy: readonly string[];
  /** Whether the fields `x-fastly-bot-*` of requests tell of bots. */
  readonly botHeaders: boolean;
  /** What clients are told of a request that fails; undefined for what the library does by itself. */
  readonly errors: ErrorDetails | undefined;
  /** Whether images are transformed for guests. */
  readonly imageOptimizer: boolean;
  /** Whether an instance of the program serves more than one request. */
  readonly reuse: Reuse;
  /** What is asked for by Viceroy's flags. */
  readonly viceroy: ViceroyFlags;
}

/** `fastlike serve`: runs a program as an HTTP server. */
export interface ServeCommand extends ServiceFlags {
  readonly kind: "serve";
  /** The program's file. */
  readonly wasm: string;
  readonly bind: Bind;
  /** Where health and metrics are served, if anywhere. */
  readonly admin: Bind | undefined;
  /** Instances to make before the first request. */
  readonly warmup: number;
}

/** `fastlike run`: runs a program once, for its exit status. */
export interface RunCommand extends ServiceFlags {
  readonly kind: "run";
  /** The program's file. */
  readonly wasm: string;
  /** The guest's arguments, after its name. */
  readonly args: readonly string[];
}

/** What the command line asks for. */
export type Command =
  | ServeCommand
  | RunCommand
  | { readonly kind: "help" }
  | { readonly kind: "version" };

const ALIASES: Readonly<Record<string, string>> = {
  C: "config",
  b: "bind",
  v: "verbose",
  h: "help",
  ...VICEROY_ALIASES,
};
const WITH_VALUE = [
  "wasm",
  "proxy-to",
  "bind",
  "backend",
  "config",
  "env",
  "kv",
  "persist",
  "config-store",
  "secret-store",
  "acl",
  "geo",
  "device",
  "log-endpoint",
  "log-format",
  "guest-env",
  "limit",
  "reuse",
  "trust-proxy",
  "errors",
  "warmup",
  "admin",
  ...VICEROY_WITH_VALUE,
];
const WITHOUT_VALUE = [
  "cache",
  "no-cache",
  "loop-guard",
  "allow-unlimited",
  "bot-headers",
  "no-image-optimizer",
  "verbose",
  "version",
  "help",
  ...VICEROY_WITHOUT_VALUE,
];
/** Values that are shown where one is missing. */
const FORMS: Readonly<Record<string, string>> = {
  "wasm": "app.wasm",
  "proxy-to": "localhost:8000",
  "bind": "localhost:5000",
  "backend": "NAME=https://example.com",
  "config": "fastly.toml",
  "env": "NAME",
  "kv": "NAME=FILE",
  "persist": "DIR",
  "config-store": "NAME=FILE",
  "secret-store": "NAME=FILE",
  "acl": "NAME=FILE",
  "geo": "FILE",
  "device": "FILE",
  "log-endpoint": "NAME=FILE",
  "log-format": "json",
  "guest-env": "NAME=VALUE",
  "limit": "memory=256MiB",
  "reuse": "never",
  "trust-proxy": "10.0.0.0/8",
  "warmup": "8",
  "admin": "localhost:9000",
};
const FLAGS = [...WITH_VALUE, ...WITHOUT_VALUE];
const DEFAULT_BIND = "localhost:5000";

type Flags = Readonly<Record<string, unknown>>;

/**
 * Understands a command line, or throws a {@linkcode UsageError}.
 *
 * @param asViceroy Whether it was meant for Viceroy, whose defaults then hold.
 */
export function parse(argv: readonly string[], asViceroy = false): Command {
  const at = firstPlain(argv, WORDS);
  if (argv[at] === "run" && argv[at - 1] !== "--") {
    return parseRun([...argv.slice(0, at), ...argv.slice(at + 1)]);
  }
  const flags = readFlags(argv);
  const [first, ...rest] = flags._;
  if (isSet(flags, "help") || first === "help") return { kind: "help" };
  if (isSet(flags, "version") || first === "version") return { kind: "version" };
  if (first === "adapt") refuseAdapt();
  return parseServe(flags, first === "serve" ? rest : flags._, asViceroy);
}

function readFlags(argv: readonly string[]): Flags & { readonly _: readonly string[] } {
  return parseArgs(normalize(argv), {
    string: [...WITH_VALUE, "_"],
    boolean: WITHOUT_VALUE,
    collect: [...WITH_VALUE, ...WITHOUT_VALUE],
    alias: ALIASES,
    unknown: (argument, name) => name === undefined || unknownFlag(argument),
  });
}

function parseServe(
  flags: Flags,
  positional: readonly string[],
  asViceroy: boolean,
): ServeCommand {
  const defaultBind = asViceroy ? VICEROY_BIND : DEFAULT_BIND;
  const bind = parseBind(lastOf(flags, "bind") ?? lastOf(flags, "addr") ?? defaultBind);
  return {
    kind: "serve",
    ...parseService(flags, { caches: !asViceroy, botHeaders: asViceroy }),
    wasm: theGuest(valuesOf(flags, "wasm"), positional),
    bind,
    admin: parseAdmin(lastOf(flags, "admin"), bind),
    warmup: parseWarmup(lastOf(flags, "warmup")),
  };
}

function parseRun(line: readonly string[]): Command {
  const { flags: own, guest, args } = splitRun(line, WORDS);
  const flags = readFlags(own);
  if (isSet(flags, "help")) return { kind: "help" };
  if (isSet(flags, "version")) return { kind: "version" };
  for (const flag of ["bind", "addr", "admin", "warmup", "trust-proxy", "errors"]) {
    if (lastOf(flags, flag)) {
      throw new UsageError(`Cannot use --${flag} with run: it serves nothing`);
    }
  }
  const named = valuesOf(flags, "wasm");
  const plain = guest === undefined ? [] : [guest];
  return {
    kind: "run",
    // A test client expects each of its requests to reach the backend.
    ...parseService(flags, { caches: false, botHeaders: false }),
    wasm: theGuest(named, named.length ? [] : plain),
    args: named.length ? [...plain, ...args] : args,
  };
}

/** Flags as the command line has them. */
const WORDS = {
  isFlag(word: string): boolean {
    const name = nameOf(word);
    return name !== undefined && FLAGS.includes(name);
  },
  takesNext(word: string): boolean {
    return !word.includes("=") && WITH_VALUE.includes(nameOf(word) ?? "");
  },
};

/** The full name of a flag; undefined for a word that is none, and for what only has the look of one. */
function nameOf(word: string): string | undefined {
  const [, name] = /^--?([\w-]+)(?:=|$)/.exec([normalizeOne(word)].flat()[0]!) ?? [];
  return name && (Object.hasOwn(ALIASES, name) ? ALIASES[name] : name);
}

/** What holds where no flag says anything. */
interface Defaults {
  /** Whether HTTP caching is on. */
  readonly caches: boolean;
  readonly botHeaders: boolean;
}

function parseService(flags: Flags, defaults: Defaults): ServiceFlags {
  const { named, catchAll } = parseBackends(
    valuesOf(flags, "backend"),
    valuesOf(flags, "proxy-to"),
  );
  const files = (flag: string) => parseNamedFiles(flag, valuesOf(flags, flag));
  return {
    backends: named,
    catchAll,
    config: lastOf(flags, "config"),
    env: parseEnv(lastOf(flags, "env")),
    kvStores: parseKvStores(valuesOf(flags, "kv")),
    persist: lastOf(flags, "persist"),
    configStores: files("config-store"),
    secretStores: files("secret-store"),
    acls: files("acl"),
    geo: lastOf(flags, "geo"),
    device: lastOf(flags, "device"),
    logEndpoints: files("log-endpoint"),
    logFormat: parseLogFormat(lastOf(flags, "log-format")),
    limits: parseLimits(valuesOf(flags, "limit")),
    guestEnv: parseGuestEnv(valuesOf(flags, "guest-env"), (name) => Deno.env.get(name)),
    verbosity: (flags.verbose as readonly boolean[]).filter(Boolean).length,
    cache: parseCache(flags, defaults.caches),
    loopGuard: isSet(flags, "loop-guard"),
    allowUnlimited: isSet(flags, "allow-unlimited"),
    botHeaders: defaults.botHeaders || isSet(flags, "bot-headers"),
    trustProxy: parseTrustProxy(valuesOf(flags, "trust-proxy")),
    errors: parseErrors(lastOf(flags, "errors")),
    imageOptimizer: !isSet(flags, "no-image-optimizer"),
    reuse: parseReuse(lastOf(flags, "reuse")),
    viceroy: parseViceroyFlags(flags, (name) => lastOf(flags, name)),
  };
}

function parseCache(flags: Flags, byDefault: boolean): boolean {
  const [on, off] = [isSet(flags, "cache"), isSet(flags, "no-cache")];
  if (on && off) throw new UsageError("Cannot use --cache with --no-cache: leave one out");
  return on || (byDefault && !off);
}

/** Rewrites what std's parser does not know: Go's single-dash long flags, `-vv` and `-Cfile`. */
function normalize(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  const flags = end < 0 ? argv : argv.slice(0, end);
  return [...flags.flatMap(normalizeOne), ...(end < 0 ? [] : argv.slice(end))];
}

function normalizeOne(argument: string): string | string[] {
  if (!/^-[^-]./.test(argument)) return argument;
  if (/^-v+$/.test(argument)) return Array.from(argument.slice(1), () => "-v");
  if (/^-C[^=]/.test(argument)) return ["-C", argument.slice(2)];
  return /^-[a-z]=/i.test(argument) ? argument : `-${argument}`;
}

function unknownFlag(argument: string): never {
  const given = argument.replace(/^-+/, "").replace(/=.*$/s, "");
  const meant = suggest(given, FLAGS);
  const shown = given.length === 1 ? `-${given}` : `--${given}`;
  throw new UsageError(`Unknown flag ${shown}` + (meant ? `: did you mean --${meant}?` : ""));
}

function valuesOf(flags: Flags, name: string): readonly string[] {
  const values = (flags[name] ?? []) as readonly string[];
  if (values.includes("")) {
    const form = FORMS[name];
    throw new UsageError(
      `Cannot use --${name} without a value${form ? `, as in --${name} ${form}` : ""}`,
    );
  }
  return values;
}

function isSet(flags: Flags, name: string): boolean {
  return (flags[name] as readonly boolean[]).at(-1) === true;
}

/** The last of several wins. */
function lastOf(flags: Flags, name: string): string | undefined {
  return valuesOf(flags, name).at(-1);
}

function theGuest(flagged: readonly string[], positional: readonly string[]): string {
  const [guest, ...more] = [...flagged, ...positional];
  if (guest === undefined) {
    throw new UsageError("Cannot start without a program: name a .wasm file, or see --help");
  }
  if (more.length) {
    throw new UsageError(`Cannot run more than one program: ${[guest, ...more].join(" and ")}`);
  }
  return guest;
}
