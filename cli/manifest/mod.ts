import { dirname } from "node:path";
import { parse, type TomlTable } from "npm:smol-toml@1.9.1";
import type { BackendOptions } from "../../service/backends/definition.ts";
import type { FactsOverride } from "../../service/client/client_facts.ts";
import { ERROR_DETAILS } from "../../service/http/error_text.ts";
import { readFacts } from "../../service/client/fact_fields.ts";
import { type LimitName, readLimit } from "../../service/limits.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { isProxyRange, PROXY_RANGE } from "../../service/client/proxies.ts";
import type { ShieldingSite } from "../../service/backends/shielding.ts";
import { parseBackends } from "./backends.ts";
import { filled } from "./filled.ts";
import { parseAcls, parseDevices, parseGeo } from "./lookups.ts";
import { parseStore, type SharedStore } from "./shared_store.ts";
import { parseConfigStores, parseKvStores, parseSecretStores } from "./stores.ts";
import { type HostIo, ManifestError } from "./document.ts";
import { located } from "./json.ts";
import { ConfigTable } from "./table.ts";

/** Contents of `[local_server]` in a fastly.toml. */
export interface Manifest {
  /** Options of the service. */
  readonly options: ManifestOptions;
  /** Log endpoints by name. */
  readonly logEndpoints: Readonly<Record<string, LogEndpoint>>;
  /** Folder of persistent stores, relative to the working directory. */
  readonly persist?: string;
  /** Store that hosts share. */
  readonly store?: SharedStore;
}

/** Options that a fastly.toml sets. */
export interface ManifestOptions extends
  Pick<
    ServiceOptions,
    | "configStores"
    | "secretStores"
    | "kvStores"
    | "acls"
    | "geo"
    | "devices"
    | "shieldingSites"
    | "fastlyKeys"
    | "clientFacts"
    | "factsPrefix"
    | "botHeaders"
    | "trustProxy"
    | "errors"
  > {
  /** Backends by name. */
  readonly backends?: Readonly<Record<string, BackendOptions>>;
  /** Limits as numbers of milliseconds or bytes, or as counts. */
  readonly limits?: Readonly<Partial<Record<LimitName, number>>>;
}

/** File and format of a log endpoint's records. */
export interface LogEndpoint {
  /** Path relative to the working directory; by default records go to the terminal. */
  readonly file?: string;
  /** `text` writes records unchanged, `json` one object per line. By default `text`. */
  readonly format?: "text" | "json";
}

const NEWEST_VERSION = 3;

/**
 * Reads the text of a fastly.toml. Unknown keys in an entry are errors, as they are in Fastly's own local server;
 * unknown keys at the top and unknown tables of `[local_server]` belong to other tools.
 *
 * @param file The manifest's path, for messages and for paths in it, which are relative to its folder.
 * @param io Files and variables.
 * @throws {ManifestError} If a key, a value or a file of it is wrong.
 */
export async function parseManifest(
  text: string,
  file: string,
  io: HostIo,
): Promise<Manifest> {
  const folder = dirname(file);
  const document = { task: `read ${file}`, title: file, folder, io, toml: true };
  const root = new ConfigTable(parseToml(text, file), "", document);
  checkVersion(root);
  const local = root.tableOrEmpty("local_server");
  const manifest = await readSections(local).catch(async (error) => {
    throw await located(error);
  });
  warnOfUnknown(root, local);
  return manifest;
}

// std's parser is not used: it accepts a repeated key and two pairs on a line, and refuses a byte order mark and TOML
// 1.1's inline tables over several lines.
function parseToml(text: string, file: string): TomlTable {
  try {
    return parse(text);
  } catch (error) {
    const { message, line, column } = error as { message: string; line?: number; column?: number };
    const reason = message.split("\n")[0]!.replace("Invalid TOML document: ", "");
    const at = line === undefined ? "" : ` in line ${line}, column ${column}`;
    throw new ManifestError(`Cannot read ${file}: ${reason}${at}`);
  }
}

function checkVersion(root: ConfigTable): void {
  const version = root.wholeNumber("manifest_version");
  if (version !== undefined && version > NEWEST_VERSION) {
    root.wrong("manifest_version", `is ${version}, and ${NEWEST_VERSION} is the newest known`);
  }
}

/** Warns of unknown keys that are near to a known one. They are no errors, since they may belong to other tools. */
function warnOfUnknown(root: ConfigTable, local: ConfigTable): void {
  const sections = local.known();
  for (const { key, meant } of root.unknown()) {
    if (sections.includes(key)) {
      const value = root.get(key);
      const kind = typeof value === "object" && !Array.isArray(value) ? "table" : "key";
      root.warn(key, `is outside of local_server${root.meant(kind, "local_server", key)}`);
    } else if (meant === "local_server") root.warn(key, `is not known: did you mean ${meant}?`);
  }
  for (const { key, meant } of local.unknown()) {
    if (meant) local.warn(key, `is not known: did you mean ${meant}?`);
  }
}

/** Header of an entry in a section of named entries (`[…NAME]` or `[[…NAME]]`), and a key that an entry has. */
type EntryHeader = readonly [kind: "table" | "list", key: string];

const BACKEND: EntryHeader = ["table", "url"];
const CONFIG_STORE: EntryHeader = ["table", "format"];
const STORE_ITEM: EntryHeader = ["list", "key"];
const LOG_ENDPOINT: EntryHeader = ["table", "file"];

async function readSections(local: ConfigTable): Promise<Manifest> {
  const section = <T>(
    names: readonly string[],
    read: (table: ConfigTable) => T,
    header?: EntryHeader,
  ): T | undefined => {
    const name = local.atMostOneOf(names);
    return name === undefined ? undefined : read(sectionOf(local, name, header));
  };
  const options = filled({
    backends: section(["backends"], parseBackends, BACKEND),
    configStores: section(["config_stores", "dictionaries"], parseConfigStores, CONFIG_STORE),
    secretStores: section(["secret_stores"], parseSecretStores, STORE_ITEM),
    kvStores: section(["kv_stores", "object_stores", "object_store"], parseKvStores, STORE_ITEM),
    acls: section(["acls"], parseAcls),
    geo: await section(["geolocation"], parseGeo),
    devices: section(["device_detection"], parseDevices),
    shieldingSites: section(["shielding_sites"], parseShieldingSites),
    fastlyKeys: local.stringList("fake_valid_fastly_keys"),
    clientFacts: section(["client"], parseClient),
    factsPrefix: local.string("client_facts_prefix"),
    botHeaders: local.boolean("bot_headers"),
    limits: section(["limits"], parseLimits),
    trustProxy: parseTrustProxy(local),
    errors: local.choice("errors", ERROR_DETAILS),
  });
  const logEndpoints = section(["log_endpoints"], parseLogEndpoints, LOG_ENDPOINT) ?? {};
  const persist = section(["persist"], parsePersist);
  const store = section(["store"], parseStore);
  if (persist !== undefined && store) local.wrong("store", "cannot be used with persist");
  return { options, logEndpoints, ...filled({ persist, store }) };
}

/** Reads a section of `[local_server]`; with a header, its entries must have names. */
function sectionOf(local: ConfigTable, name: string, header?: EntryHeader): ConfigTable {
  const meant = header && local.meant(header[0], name, "NAME");
  if (header && Array.isArray(local.get(name))) local.wrong(name, `must be a table${meant}`);
  const table = local.tableOrEmpty(name);
  if (header && typeof table.get(header[1]) === "string") {
    table.wrong(header[1], `is not in an entry${meant}`);
  }
  return table;
}

function parseTrustProxy(local: ConfigTable): readonly string[] | undefined {
  const ranges = local.stringList("trust_proxy");
  const wrong = ranges?.find((text) => !isProxyRange(text));
  if (wrong === undefined) return ranges;
  local.wrong("trust_proxy", `has ${JSON.stringify(wrong)} in it, which is not ${PROXY_RANGE}`);
}

function parseShieldingSites(table: ConfigTable): Record<string, ShieldingSite> {
  return Object.fromEntries(
    table.names().map((name) => {
      const value = table.get(name);
      if (typeof value === "string" && value.toLowerCase() === "local") return [name, "local"];
      const site = table.asTable(name, value, '"Local", or a table with encrypted and unencrypted');
      const [encrypted, unencrypted] = site.done("encrypted", "unencrypted");
      return [name, {
        encrypted: site.requiredUrl(encrypted),
        unencrypted: site.requiredUrl(unencrypted),
      }];
    }),
  );
}

function parseLimits(table: ConfigTable): Partial<Record<LimitName, number>> {
  const limits = table.keys().map((name) => {
    const given = table.get(name);
    const value = typeof given === "object" ? table.string(name) : given;
    return [name, readLimit(name, value, (what) => table.wrong(name, what))];
  });
  return Object.fromEntries(limits);
}

/** Reads facts of the client, whose keys are the names of header fields with `_` in place of `-`. */
function parseClient(table: ConfigTable): FactsOverride {
  const keyOf = (name: string) => name.replaceAll("-", "_");
  const facts = readFacts(
    (name) => {
      const value = table.get(keyOf(name));
      if (value === undefined) return undefined;
      if (typeof value !== "object") return String(value);
      table.wrong(keyOf(name), "must be a text, a number, true or false");
    },
    (name, expected) => table.wrong(keyOf(name), `must be ${expected}`),
  );
  table.done();
  return facts;
}

function parsePersist(table: ConfigTable): string {
  const [path] = table.done("path");
  return table.path(path) ?? table.missing(path);
}

function parseLogEndpoints(table: ConfigTable): Record<string, LogEndpoint> {
  return Object.fromEntries(
    table.tables().map(([name, endpoint]) => {
      const written = filled({
        file: endpoint.path("file"),
        format: endpoint.choice("format", ["text", "json"]),
      });
      endpoint.done();
      return [name, written];
    }),
  );
}
