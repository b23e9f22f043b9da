import { dirname } from "node:path";
import { parse, type TomlTable } from "npm:smol-toml@1.9.1";
import type { BackendOptions } from "../../service/backends/definition.ts";
import type { FactsOverride } from "../../service/client/client_facts.ts";
import { ERROR_DETAILS } from "../../service/http/error_text.ts";
import { FACT_NAMES, readFacts } from "../../service/client/fact_fields.ts";
import { type LimitName, readLimit } from "../../service/limits.ts";
import { suggest } from "../../service/util/suggest.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { isProxyRange, PROXY_RANGE } from "../../service/client/proxies.ts";
import type { ShieldingSite } from "../../service/backends/shielding.ts";
import { parseBackends } from "./backends.ts";
import { filled } from "./filled.ts";
import { parseAcls, parseDevices, parseGeo } from "./lookups.ts";
import { parseConfigStores, parseKvStores, parseSecretStores } from "./stores.ts";
import { ConfigTable, didYouMean, type HostIo, ManifestError } from "./table.ts";

/** What a fastly.toml says about running a service on this machine. */
export interface Manifest {
  readonly options: ManifestOptions;
  /** Where the records of log endpoints go, by the endpoint's name. */
  readonly logEndpoints: Readonly<Record<string, LogEndpoint>>;
  /** The folder where stores are kept from one start to the next, from where the process is. */
  readonly persist?: string;
}

/** The options that a fastly.toml sets. */
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
  readonly backends?: Readonly<Record<string, BackendOptions>>;
  readonly limits?: Readonly<Partial<Record<LimitName, number>>>;
}

/** Where and how the records of a log endpoint are written. */
export interface LogEndpoint {
  /** A path from where the process is; by default the terminal. */
  readonly file?: string;
  /** As they are, or as one JSON object in each line. */
  readonly format?: "text" | "json";
}

const NEWEST_VERSION = 3;

/**
 * Reads the text of a fastly.toml. Unknown keys in an entry are errors, as they are in Fastly's own local server;
 * unknown keys at the top and unknown tables of `[local_server]` belong to other tools.
 *
 * @param file The manifest's path: for messages, and because the files it names are found from its folder.
 * @throws {ManifestError}
 */
export async function parseManifest(
  text: string,
  file: string,
  machine: HostIo,
): Promise<Manifest> {
  const folder = dirname(file);
  const document = { task: `read ${file}`, title: file, folder, machine, toml: true };
  const root = new ConfigTable(parseToml(text, file), "", document);
  checkVersion(root);
  warnOfMisplaced(root);
  const local = root.table("local_server");
  if (!local) return { options: {}, logEndpoints: {} };
  const endpoints = local.has("log_endpoints") ? sectionOf(local, "log_endpoints") : undefined;
  const persist = local.table("persist");
  return {
    options: await parseOptions(local),
    logEndpoints: endpoints ? parseLogEndpoints(endpoints) : {},
    ...persist && { persist: parsePersist(persist) },
  };
}

// smol-toml and not std's parser: that one takes a key given twice and two pairs on a line,
// and refuses a byte order mark and TOML 1.1's inline tables over several lines.
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

/** Sections of `[local_server]` that hold one entry under each name, with how an entry is headed and a key of it. */
const NAMED: Readonly<Record<string, readonly [kind: "table" | "list", key: string]>> = {
  backends: ["table", "url"],
  config_stores: ["table", "format"],
  dictionaries: ["table", "format"],
  secret_stores: ["list", "key"],
  kv_stores: ["list", "key"],
  object_stores: ["list", "key"],
  object_store: ["list", "key"],
  log_endpoints: ["table", "file"],
};
const SECTIONS = [
  ...Object.keys(NAMED),
  "acls",
  "geolocation",
  "device_detection",
  "shielding_sites",
  "fake_valid_fastly_keys",
  "client",
  "client_facts_prefix",
  "limits",
  "trust_proxy",
  "persist",
];

/** Unknown keys may belong to other tools; so those that are near to a known one get a warning, and no error. */
function warnOfMisplaced(root: ConfigTable): void {
  for (const key of root.keys()) {
    if (SECTIONS.includes(key)) {
      root.warn(key, `is outside of local_server${root.meant("table", "local_server", key)}`);
    } else if (key !== "local_server" && suggest(key, ["local_server"])) {
      root.warn(key, "is not known: did you mean local_server?");
    }
  }
  const local = root.table("local_server");
  for (const key of local?.keys() ?? []) {
    if (SECTIONS.includes(key)) continue;
    const meant = suggest(key, SECTIONS);
    if (meant) local!.warn(key, `is not known${didYouMean(meant)}`);
  }
}

/** A section of `[local_server]`, whose entries must have names. */
function sectionOf(local: ConfigTable, name: string): ConfigTable {
  const [kind, key] = NAMED[name] ?? [];
  if (!kind) return local.table(name)!;
  const meant = local.meant(kind, name, "NAME");
  if (Array.isArray(local.get(name))) local.wrong(name, `must be a table${meant}`);
  const table = local.table(name)!;
  if (typeof table.get(key!) === "string") table.wrong(key!, `is not in an entry${meant}`);
  return table;
}

async function parseOptions(local: ConfigTable): Promise<ManifestOptions> {
  const section = <T>(
    names: readonly string[],
    parse: (table: ConfigTable) => T,
  ): T | undefined => {
    const name = names.some((name) => local.has(name)) ? local.oneOf(names) : undefined;
    return name === undefined ? undefined : parse(sectionOf(local, name));
  };
  const options = {
    backends: section(["backends"], parseBackends),
    configStores: section(["config_stores", "dictionaries"], parseConfigStores),
    secretStores: section(["secret_stores"], parseSecretStores),
    kvStores: section(["kv_stores", "object_stores", "object_store"], parseKvStores),
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
  };
  return filled(options);
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
      site.only(["encrypted", "unencrypted"]);
      return [name, {
        encrypted: site.requiredUrl("encrypted"),
        unencrypted: site.requiredUrl("unencrypted"),
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

/** Facts of the client, under the names of the header fields that can give them, with `_` for `-`. */
function parseClient(table: ConfigTable): FactsOverride {
  const keyOf = (name: string) => name.replaceAll("-", "_");
  table.only(FACT_NAMES.map(keyOf));
  return readFacts(
    (name) => {
      const value = table.get(keyOf(name));
      return value === undefined ? undefined : String(value);
    },
    (name, expected) => table.wrong(keyOf(name), `must be ${expected}`),
  );
}

function parsePersist(table: ConfigTable): string {
  table.only(["path"]);
  return table.path("path") ?? table.missing("path");
}

function parseLogEndpoints(table: ConfigTable): Record<string, LogEndpoint> {
  return Object.fromEntries(
    table.tables().map(([name, endpoint]) => {
      endpoint.only(["file", "format"]);
      return [
        name,
        filled({
          file: endpoint.path("file"),
          format: endpoint.choice("format", ["text", "json"]),
        }),
      ];
    }),
  );
}
