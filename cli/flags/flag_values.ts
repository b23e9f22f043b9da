import { ERROR_DETAILS, type ErrorDetails } from "../../service/http/error_text.ts";
import { type LimitName, readLimit } from "../../service/limits.ts";
import { isProxyRange, PROXY_RANGE } from "../../service/client/proxies.ts";
import { parseStoreAddress } from "../../drivers/redis/address.ts";
import { ON_STORE_FAILURE, type OnStoreFailure } from "../../drivers/redis/on_failure.ts";
import type { ClientAuth } from "../../server/tls/tls_options.ts";
import { UsageError } from "../errors.ts";
import type { Given } from "./flag.ts";
import { handshakeUrl } from "../../service/http/url.ts";
import { type Reuse, REUSE_VALUES, reuseOf } from "../../service/reuse.ts";

/** Address to listen on. */
export interface Bind {
  /** A name or an address without brackets; empty for every address. */
  readonly hostname: string;
  readonly port: number;
}

/** Formats of log endpoint records and access lines: as they are, or one JSON object per line. */
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = typeof LOG_FORMATS[number];

/** Reads an address to listen on: `host:port`, `:port`, `[::1]:port` or a port. */
export function parseBind(text: string): Bind {
  return parseAddress(text, (why) => {
    throw new UsageError(`Cannot listen on ${JSON.stringify(text)}: ${why}`);
  });
}

/** Reads the address of health and metrics, which must not be that of requests. */
export function parseAdmin(text: string | undefined, bind: Bind): Bind | undefined {
  if (text === undefined) return undefined;
  const bad = (why: string): never => {
    throw new UsageError(`Cannot use ${JSON.stringify(text)} for --admin: ${why}`);
  };
  const admin = parseAddress(text, bad);
  const taken = admin.port === bind.port && admin.port !== 0 &&
    overlap(admin.hostname, bind.hostname);
  return taken ? bad("requests are served there (see --bind)") : admin;
}

/** How HTTPS is served. */
interface Https {
  /** Files of the certificate and its key; by default the local authority has one for localhost. */
  readonly files: { readonly cert: string; readonly key: string } | undefined;
  /** File of the authorities of clients' certificates. */
  readonly clientCa: string | undefined;
  readonly clientAuth: ClientAuth;
  /** Where plain HTTP is redirected. */
  readonly redirect: Bind | undefined;
}

export const CLIENT_AUTHS: readonly ClientAuth[] = ["require", "request"];

/** Reads `--https` and the flags that belong to it. `--cert` alone means HTTPS, too. */
export function parseHttps({ on, of }: Pick<Given, "on" | "of">): Https | undefined {
  const cert = of("cert").last;
  const key = of("key").last;
  if (!(on ?? cert !== undefined)) {
    const idle = ["cert", "key", "client-ca", "client-auth", "http-redirect"]
      .find((name) => of(name).last !== undefined);
    if (idle) throw new UsageError(`Cannot use --${idle} without HTTPS: add --https`);
    return undefined;
  }
  if (key !== undefined && cert === undefined) {
    throw new UsageError("Cannot use --key without --cert: name the certificate's file, too");
  }
  const clientCa = of("client-ca").last;
  if (clientCa === undefined && of("client-auth").last !== undefined) {
    throw new UsageError(
      "Cannot use --client-auth without --client-ca: no certificate is asked for",
    );
  }
  return {
    files: cert === undefined ? undefined : { cert, key: key ?? cert },
    clientCa,
    clientAuth: parseClientAuth(of("client-auth").last),
    redirect: parseRedirect(of("http-redirect").last),
  };
}

function parseClientAuth(text = "require"): ClientAuth {
  const known = CLIENT_AUTHS.find((auth) => auth === text);
  if (known) return known;
  throw new UsageError(`Cannot use ${JSON.stringify(text)} for --client-auth: require or request`);
}

function parseRedirect(text: string | undefined): Bind | undefined {
  return text === undefined ? undefined : parseAddress(text, (why) => {
    throw new UsageError(`Cannot use ${JSON.stringify(text)} for --http-redirect: ${why}`);
  });
}

const EVERYWHERE = ["", "0.0.0.0", "::"];
const LOCALHOST = ["localhost", "127.0.0.1", "::1"];

function overlap(one: string, other: string): boolean {
  const both = [one, other];
  return one === other || both.some((name) => EVERYWHERE.includes(name)) ||
    (both.includes("localhost") && both.every((name) => LOCALHOST.includes(name)));
}

function parseAddress(text: string, bad: (why: string) => never): Bind {
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

const NAMED_URL = /^[^=:/?]+=/;

/**
 * Reads `--backend` and `--proxy-to`: `name=url` for one backend; an address with a scheme, a dot, a port or a path, or
 * `localhost`, for all other backends.
 */
export function parseBackends(
  definitions: readonly string[],
  proxyTo: readonly string[],
): { named: Record<string, string>; catchAll: string | undefined } {
  const named = new Map<string, string>();
  const rest = proxyTo.map((text) => parseUrl("--proxy-to", text, NAMED_URL.test(text)));
  for (const definition of definitions) {
    // A name ends before anything that is part of a URL.
    const [, name, url] = /^([^=:/?]*)=(.*)$/s.exec(definition) ?? [];
    if (name === undefined) {
      if (/^[\w-]+$/.test(definition) && definition !== "localhost") needsUrl(definition);
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

function needsUrl(name: string): never {
  throw new UsageError(
    `Cannot use --backend ${name}: a URL is missing, as in --backend ${name}=https://example.com ` +
      `(to send all other backends to a host of that name: --proxy-to ${name})`,
  );
}

function parseUrl(flag: string, text: string, isNamed = false): string {
  if (isNamed) {
    throw new UsageError(
      `Cannot use ${flag} ${text}: it takes no name, but --backend ${text} does`,
    );
  }
  const full = handshakeUrl(/^[a-z][a-z0-9+.\-]*:\/\//i.test(text) ? text : `http://${text}`);
  const url = URL.parse(full);
  if (!text || !url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new UsageError(`Cannot use ${JSON.stringify(text)} for ${flag}: ${whyNot(text, url)}`);
  }
  return full;
}

function whyNot(text: string, url: URL | null): string {
  if (!text || !url) return "it is not a URL or a host";
  if (!/^https?:$/.test(url.protocol)) return "only http, https, ws and wss are possible";
  return "a backend has no query or fragment";
}

/** Reads values `name=file`, each name once. */
export function parseNamedFiles(
  flag: string,
  definitions: readonly string[],
): Record<string, string> {
  const files = parseNames(flag, definitions);
  for (const [name, file] of files) {
    if (file) continue;
    if (file === undefined) checkIsName(flag, name);
    throw new UsageError(`Cannot use --${flag} ${name}: a file is missing, as in ${name}=FILE`);
  }
  return Object.fromEntries(files) as Record<string, string>;
}

/** Reads values `name=file`, or a name alone for an empty store. */
export function parseKvFiles(
  definitions: readonly string[],
): Record<string, string | undefined> {
  const files = parseNames("kv", definitions);
  for (const [name, file] of files) {
    if (file === "") throw new UsageError(`Cannot use --kv ${name}=: the file is missing`);
    if (file === undefined) checkIsName("kv", name);
  }
  return Object.fromEntries(files);
}

/** Refuses a name that can only be the path of a file. */
function checkIsName(flag: string, text: string): void {
  if (!/[/\\]|\.(json|log|txt|toml|mmdb)$/.test(text)) return;
  throw new UsageError(`Cannot use --${flag} ${text}: a name is missing, as in NAME=${text}`);
}

function parseNames(
  flag: string,
  definitions: readonly string[],
): Map<string, string | undefined> {
  const files = new Map<string, string | undefined>();
  for (const definition of definitions) {
    const [, name, file] = /^([^=]*)(?:=(.*))?$/s.exec(definition)!;
    if (!name) throw new UsageError(`Cannot use --${flag} ${definition}: the name is empty`);
    if (files.has(name)) throw new UsageError(`Cannot define --${flag} ${name} twice`);
    files.set(name, file);
  }
  return files;
}

/** Reads values `NAME=value`, or the name of a variable that keeps its value; the last of several of a name wins. */
export function parseGuestEnv(
  definitions: readonly string[],
  environment: (name: string) => string | undefined,
): Record<string, string> {
  const variables = new Map<string, string>();
  for (const definition of definitions) {
    const [, name, given] = /^([^=\0]*)(?:=([^\0]*))?$/s.exec(definition) ?? [];
    if (!name) throw new UsageError(`Cannot use --guest-env ${definition}: it is not NAME=VALUE`);
    const value = given ?? environment(name);
    if (value === undefined) {
      throw new UsageError(
        `Cannot use --guest-env ${name}: the variable is not set (or give a value: ${name}=VALUE)`,
      );
    }
    variables.set(name, value);
  }
  return Object.fromEntries(variables);
}

/** Reads values `NAME=value` of limits; the last of several of a name wins. */
export function parseLimits(definitions: readonly string[]): Partial<Record<LimitName, number>> {
  const limits = definitions.map((definition) => {
    const wrong = (what: string): never => {
      throw new UsageError(`Cannot use --limit ${definition}: ${what}`);
    };
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(definition) ??
      wrong("it is not NAME=VALUE, as in memory=256MiB");
    return [name!, readLimit(name!, value, (what) => wrong(`${name || "the name"} ${what}`))];
  });
  return Object.fromEntries(limits);
}

/** Reads the `NAME` of a `fastly.NAME.toml`. */
export function parseEnv(name: string | undefined): string | undefined {
  if (name === undefined || /^[^/\\]+$/.test(name)) return name;
  throw new UsageError(
    `Cannot use ${JSON.stringify(name)} for --env: it is NAME in fastly.NAME.toml`,
  );
}

/** Reads `text`, which is the default, or `json`. */
export function parseLogFormat(format = "text"): LogFormat {
  if (format === "text" || format === "json") return format;
  throw new UsageError(`Cannot use ${JSON.stringify(format)} for --log-format: text or json`);
}

/** Reads addresses, ranges and names of proxies. */
export function parseProxies(flag: string, ranges: readonly string[]): readonly string[] {
  const wrong = ranges.find((text) => !isProxyRange(text));
  if (wrong === undefined) return ranges;
  throw new UsageError(
    `Cannot use ${JSON.stringify(wrong)} for --${flag}: it is not ${PROXY_RANGE}`,
  );
}

/** Reads how much clients are told of a request that fails: `details` or `brief`. */
export function parseErrors(text: string | undefined): ErrorDetails | undefined {
  const known = ERROR_DETAILS.find((details) => details === text);
  if (known || text === undefined) return known;
  throw new UsageError(`Cannot use ${JSON.stringify(text)} for --errors: details or brief`);
}

/**
 * Reads the address of a store.
 *
 * @param folder Value of `--persist`, which cannot be used with a store.
 */
export function parseStore(url: string | undefined, folder?: string): string | undefined {
  if (url === undefined) return undefined;
  if (folder !== undefined) {
    throw new UsageError("Cannot use --store and --persist together: stores are in one of them");
  }
  try {
    parseStoreAddress(url);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return url;
}

/** Reads the behaviour of rate counters and penalty boxes while the store fails. */
export function parseOnStoreFailure(text: string | undefined): OnStoreFailure | undefined {
  const known = ON_STORE_FAILURE.find((one) => one === text);
  if (known || text === undefined) return known;
  throw new UsageError(
    `Cannot use ${JSON.stringify(text)} for --on-store-failure: ${ON_STORE_FAILURE.join(" or ")}`,
  );
}

/** Reads the number of instances to make, or to start, before requests. */
export function parseCount(flag: string, count = "0"): number {
  if (/^[0-9]{1,6}$/.test(count)) return Number(count);
  throw new UsageError(
    `Cannot use ${JSON.stringify(count)} for --${flag}: it is not a whole number`,
  );
}

/** Maximum number of processes of workers: far more than any machine has cores for. */
const MAX_WORKERS = 256;

/** Reads the number of processes that serve; `auto` is one for each core. */
export function parseWorkers(count = "1"): number {
  if (count === "auto") return navigator.hardwareConcurrency;
  const workers = /^[0-9]{1,3}$/.test(count) ? Number(count) : 0;
  if (workers >= 1 && workers <= MAX_WORKERS) return workers;
  throw new UsageError(
    `Cannot use ${
      JSON.stringify(count)
    } for --workers: it is neither auto nor a number of 1 to ${MAX_WORKERS}`,
  );
}

export function parseReuse(text = "auto"): Reuse {
  const reuse = reuseOf(text);
  if (reuse) return reuse;
  throw new UsageError(`Cannot use ${JSON.stringify(text)} for --reuse: ${REUSE_VALUES}`);
}
