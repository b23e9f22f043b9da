/** Way in which a store's server is found: one address, by Sentinels, or by the nodes of a Cluster. */
type StoreKind = "server" | "sentinel" | "cluster";

/** Parsed address of a store. */
export interface StoreAddress {
  readonly kind: StoreKind;
  readonly tls: boolean;
  /** Servers, Sentinels, or some nodes of the Cluster; empty for a Unix socket. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** Path of a Unix socket. */
  readonly path?: string | undefined;
  /** Name by which Sentinels know the server. */
  readonly master?: string | undefined;
  readonly database: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The address without its password, for messages. */
  readonly shown: string;
}

const PORTS = { server: 6379, sentinel: 26379, cluster: 6379 } as const;
const FORMS = "redis://HOST:PORT[/DATABASE], redis+sentinel://HOST:PORT,HOST:PORT/NAME, " +
  "redis+cluster://HOST:PORT,HOST:PORT (rediss for TLS) or redis+unix:///PATH";

/**
 * Reads the address of a store.
 *
 * @param text `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, `redis+sentinel://HOST[:PORT],…/NAME[/DATABASE]`,
 * `redis+cluster://HOST[:PORT],…`, each with `rediss` for TLS; or `redis+unix:///PATH`.
 * @throws {TypeError} If the address is malformed; the message is one line, without the password.
 */
export function parseStoreAddress(text: string): StoreAddress {
  const match = /^(rediss?)(?:\+(sentinel|cluster|unix))?:\/\/(?:([^@/]*)@)?([^/?#]*)(\/[^?#]*)?$/
    .exec(text);
  if (!match) return fail("it is no address of a store");
  const [, scheme, form, login, authority = "", path = ""] = match;
  const [username, password] = readLogin(login);
  const shown = `${text.slice(0, text.indexOf("://"))}://${
    username ? `${username}@` : ""
  }${authority}${path}`;
  const tls = scheme === "rediss";
  if (form === "unix") {
    if (tls || authority || path.length < 2) return fail("a Unix socket is redis+unix:///PATH");
    const socket = decode(path);
    return { kind: "server", tls, hosts: [], path: socket, database: 0, username, password, shown };
  }
  const kind = (form ?? "server") as StoreKind;
  const hosts = authority.split(",").map((one) => readHost(one, PORTS[kind]));
  if (kind === "server" && hosts.length > 1) {
    return fail("several servers need redis+sentinel:// or redis+cluster://");
  }
  const segments = path.split("/").slice(1).filter((segment) => segment !== "");
  const master = kind === "sentinel" ? segments.shift() : undefined;
  if (kind === "sentinel" && master === undefined) {
    return fail("the name that the Sentinels know is missing, as in redis+sentinel://HOST/NAME");
  }
  const [database = "0", ...rest] = segments;
  if (rest.length || !/^\d{1,9}$/.test(database)) return fail("the database is no number");
  if (kind === "cluster" && database !== "0") return fail("a Cluster has no database but 0");
  return {
    kind,
    tls,
    hosts,
    master: master === undefined ? undefined : decode(master),
    database: Number(database),
    username,
    password,
    shown,
  };
}

function readLogin(login = ""): [string | undefined, string | undefined] {
  const colon = login.indexOf(":");
  const [user, password] = colon < 0
    ? [login, ""]
    : [login.slice(0, colon), login.slice(colon + 1)];
  return [decode(user) || undefined, decode(password) || undefined];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readHost(text: string, usual: number): { readonly host: string; readonly port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:@[\]\s]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[2] ?? usual);
  if (text.includes("@")) return fail("an @ in a user's name or password is written as %40");
  if (!match || port < 1 || port > 65535) return fail("a host or its port is not valid");
  return { host: match[1]!.replace(/^\[|\]$/g, ""), port };
}

function fail(why: string): never {
  throw new TypeError(`Cannot use the store: ${why} (try ${FORMS})`);
}
