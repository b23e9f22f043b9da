// @ts-types="./std_closest_string.d.ts"
import { closestString } from "npm:deno-std@1.4.0/text/closest_string.js";
// @ts-types="./std_levenshtein_distance.d.ts"
import { levenshteinDistance } from "npm:deno-std@1.4.0/text/levenshtein_distance.js";
// @ts-types="./std_parse_args.d.ts"
import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";

/** Where to listen. */
export interface Bind {
  /** A name or an address without brackets; empty for every address. */
  readonly hostname: string;
  readonly port: number;
}

/** `fastlike serve`: runs a program as an HTTP server. */
export interface ServeCommand {
  readonly kind: "serve";
  /** The program's file. */
  readonly wasm: string;
  readonly bind: Bind;
  /** URLs by backend name. */
  readonly backends: Readonly<Record<string, string>>;
  /** The URL behind every other backend name. */
  readonly catchAll: string | undefined;
  /** The path of a fastly.toml. */
  readonly config: string | undefined;
  /** How often `-v` was given. */
  readonly verbosity: number;
  readonly loopGuard: boolean;
}

/** What the command line asks for. */
export type Command = ServeCommand | { readonly kind: "help" } | { readonly kind: "version" };

/** The command line makes no sense; the message is one line for whoever typed it. */
export class UsageError extends Error {
  override name = "UsageError";
}

const ALIASES: Readonly<Record<string, string>> = {
  C: "config",
  b: "bind",
  v: "verbose",
  h: "help",
};
const WITH_VALUE = ["wasm", "proxy-to", "bind", "backend", "config"];
const WITHOUT_VALUE = ["loop-guard", "verbose", "version", "help"];
const FLAGS = [...WITH_VALUE, ...WITHOUT_VALUE];
const DEFAULT_BIND = "localhost:5000";

/** Understands a command line, or throws a {@linkcode UsageError}. */
export function parse(argv: readonly string[]): Command {
  const flags = parseArgs(normalize(argv), {
    string: [...WITH_VALUE, "_"],
    boolean: WITHOUT_VALUE,
    collect: [...WITH_VALUE, "verbose"],
    alias: ALIASES,
    unknown: (argument, name) => name === undefined || unknownFlag(argument),
  });
  if (flags.help) return { kind: "help" };
  if (flags.version) return { kind: "version" };
  const [first, ...rest] = flags._;
  return parseServe(flags, first === "serve" ? rest : flags._);
}

function parseServe(
  flags: Readonly<Record<string, unknown>>,
  positional: readonly string[],
): ServeCommand {
  const config = valuesOf(flags, "config").at(-1);
  const bind = parseBind(valuesOf(flags, "bind").at(-1) ?? DEFAULT_BIND);
  const { named, catchAll } = parseBackends(
    valuesOf(flags, "backend"),
    valuesOf(flags, "proxy-to"),
  );
  return {
    kind: "serve",
    wasm: theGuest(valuesOf(flags, "wasm"), positional),
    bind,
    backends: named,
    catchAll,
    config,
    verbosity: (flags.verbose as readonly boolean[]).filter(Boolean).length,
    loopGuard: flags["loop-guard"] === true,
  };
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
  const closest = closestString(given, FLAGS);
  const near = levenshteinDistance(given, closest) <= Math.max(2, Math.floor(given.length / 3));
  const shown = given.length === 1 ? `-${given}` : `--${given}`;
  throw new UsageError(`Unknown flag ${shown}` + (near ? `: did you mean --${closest}?` : ""));
}

function valuesOf(flags: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const values = (flags[name] ?? []) as readonly string[];
  if (values.includes("")) throw new UsageError(`Cannot use --${name} without a value`);
  return values;
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

function parseBind(text: string): Bind {
  const bad = (why: string): never => {
    throw new UsageError(`Cannot listen on ${JSON.stringify(text)}: ${why}`);
  };
  const bare = /^[0-9]+$/.test(text);
  const [, hostname, port] = bare
    ? [text, "localhost", text]
    : /^(\[[^\[\]]*\]|[^:\[\]\s/]*):([0-9]+)$/.exec(text) ??
      bad(
        text.split(":").length > 2 && !text.includes("[") && !text.includes("/")
          ? "an IPv6 address needs brackets, as in [::1]:5000"
          : "it is not host:port, :port or a port",
      );
  if (Number(port) > 65_535) bad("ports go up to 65535");
  return { hostname: hostname!.replace(/^\[|\]$/g, ""), port: Number(port) };
}

function parseBackends(
  definitions: readonly string[],
  proxyTo: readonly string[],
): { named: Record<string, string>; catchAll: string | undefined } {
  const named = new Map<string, string>();
  const rest = proxyTo.map((text) => parseUrl("--proxy-to", text));
  for (const definition of definitions) {
    // A name ends before anything that is part of a URL.
    const [, name, url] = /^([^=:/?]*)=(.*)$/s.exec(definition) ?? [];
    if (name === undefined) {
      rest.push(parseUrl("--backend", definition));
      continue;
    }
    if (!name) throw new UsageError(`Cannot use --backend ${definition}: the name is empty`);
    if (named.has(name)) throw new UsageError(`Cannot define the backend ${name} twice`);
    named.set(name, parseUrl(`--backend ${name}`, url!));
  }
  if (rest.length > 1) {
    throw new UsageError(
      `Cannot send other backends to more than one place: ${rest.join(" and ")}`,
    );
  }
  return { named: Object.fromEntries(named), catchAll: rest[0] };
}

function parseUrl(flag: string, text: string): string {
  const full = /^[a-z][a-z0-9+.\-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.parse(full);
  if (!text || !url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new UsageError(`Cannot use ${JSON.stringify(text)} for ${flag}: ${whyNot(text, url)}`);
  }
  return full;
}

function whyNot(text: string, url: URL | null): string {
  if (!text || !url) return "it is not a URL or a host";
  if (!/^https?:$/.test(url.protocol)) return "only http and https are possible";
  return "a backend has no query or fragment";
}
