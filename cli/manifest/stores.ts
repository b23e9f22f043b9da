import { faultOfKey } from "../../service/stores/kv/keys.ts";
import type { KvSeed } from "../../service/stores/kv/store.ts";
import type { Entries, ServiceOptions } from "../../service/options.ts";
import { quoted } from "./document.ts";
import type { ConfigTable } from "./table.ts";

type ConfigStores = NonNullable<ServiceOptions["configStores"]>;
type SecretStores = NonNullable<ServiceOptions["secretStores"]>;

/** Maximum lengths of a config store's key and value, in characters. */
const MAX_CONFIG_KEY = 256;
const MAX_CONFIG_VALUE = 8000;
/** Maximum length of the name of a secret store or a secret, in characters. */
const MAX_SECRET_NAME = 255;

/** Reads `[local_server.config_stores]`. A file that has changed is read again when a guest opens the store. */
export function parseConfigStores(table: ConfigTable): ConfigStores {
  return Object.fromEntries(
    table.tables().map(([name, entry]) => [name, parseConfigStore(entry)]),
  );
}

function parseConfigStore(table: ConfigTable): Entries | (() => Entries) {
  const format = table.choice("format", ["inline-toml", "json"]) ?? table.missing("format");
  if (format === "json") {
    const [file] = table.done("file");
    return table.jsonAnew(file, parseConfigEntries);
  }
  const [contents] = table.done("contents");
  return parseConfigEntries(table.table(contents) ?? table.missing(contents));
}

function parseConfigEntries(table: ConfigTable): Entries {
  return Object.fromEntries(
    table.keys().map((key) => {
      if (isLonger(key, MAX_CONFIG_KEY)) {
        table.wrong(key, `is longer than ${MAX_CONFIG_KEY} characters`);
      }
      const value = table.requiredString(key);
      if (isLonger(value, MAX_CONFIG_VALUE)) {
        table.wrong(key, `has a value longer than ${MAX_CONFIG_VALUE} characters`);
      }
      return [key, value];
    }),
  );
}

/** Whether a text has more than `max` code points, each of which has one or two UTF-16 units. */
function isLonger(text: string, max: number): boolean {
  return text.length > max && Array.from(text).length > max;
}

/** Reads `[local_server.kv_stores]`. */
export function parseKvStores(table: ConfigTable): Record<string, KvSeed> {
  return Object.fromEntries(table.names().map((name) => [name, parseKvStore(table, name)]));
}

function parseKvStore(stores: ConfigTable, name: string): KvSeed {
  const file = jsonFileOf(stores, name);
  const entries = file ? file.keys().map((key) => [key, parseKvJson(file, key)] as const) : stores
    .tableList(name, LIST_OR_FILE)
    .map((item) => {
      const metadata = item.string("metadata");
      const [key, ...contents] = item.done("key", "data", "file", "path");
      return [kvKey(item, key), parseKvValue(item, contents, metadata)] as const;
    });
  return Object.fromEntries(entries);
}

function kvKey(item: ConfigTable, key: string): string {
  const text = item.requiredString(key);
  const fault = faultOfKey(text);
  return fault ? item.wrong(key, `is ${quoted(text)}, which ${fault}`) : text;
}

/** Reads the value of a key in a JSON file: a text, or an object with the text or its file. */
function parseKvJson(file: ConfigTable, key: string): KvSeed[string] {
  const fault = faultOfKey(key);
  if (fault) file.wrong(key, fault);
  const value = file.get(key);
  if (typeof value === "string") return value;
  const entry = file.asTable(key, value, 'a text, or an object with "data" or "file"');
  const metadata = entry.string("metadata");
  return parseKvValue(entry, entry.done("data", "file"), metadata);
}

function parseKvValue(
  table: ConfigTable,
  keys: readonly string[],
  metadata: string | undefined,
): KvSeed[string] {
  const key = table.oneOf(keys);
  const value = key === "data" ? table.requiredString(key) : table.bytes(key);
  return metadata === undefined ? value : { value, metadata };
}

/** Reads `[local_server.secret_stores]`. */
export function parseSecretStores(table: ConfigTable): SecretStores {
  return Object.fromEntries(
    table.names().map((name) => {
      checkSecretName(table, name, name);
      return [name, parseSecretStore(table, name)];
    }),
  );
}

function parseSecretStore(stores: ConfigTable, name: string): SecretStores[string] {
  const file = jsonFileOf(stores, name);
  if (file) {
    return Object.fromEntries(
      file.names().map((key) => {
        checkSecretName(file, key, key);
        return [key, file.requiredString(key)];
      }),
    );
  }
  return Object.fromEntries(
    stores.tableList(name, LIST_OR_FILE).map((item) => {
      const [keyOfName, ...sources] = item.done("key", "data", "file", "env");
      const name = item.requiredString(keyOfName);
      checkSecretName(item, keyOfName, name);
      return [name, parseSecret(item, sources)];
    }),
  );
}

function parseSecret(
  item: ConfigTable,
  sources: readonly ("data" | "file" | "env")[],
): string | Uint8Array {
  switch (item.oneOf(sources)) {
    case "data":
      return item.requiredString("data");
    case "file":
      return item.bytes("file");
    case "env":
      return parseSecretVariable(item);
  }
}

/** Reads a secret from an environment variable; one that is not set is empty, as in Fastly's own local server. */
function parseSecretVariable(item: ConfigTable): string {
  const name = item.get("env");
  if (typeof name === "string" && item.io.env(name) === undefined) {
    item.warn(
      "env",
      `names the environment variable ${name}, which is not set: the secret is empty`,
    );
    return "";
  }
  return item.variable("env");
}

function checkSecretName(table: ConfigTable, key: string, name: string): void {
  if (!/^[A-Za-z0-9_.-]+$/.test(name)) {
    table.wrong(key, "must be a name of letters, digits, '_', '.' and '-'");
  }
  if (name.length > MAX_SECRET_NAME) {
    table.wrong(key, `is longer than ${MAX_SECRET_NAME} characters`);
  }
}

const LIST_OR_FILE = "a list of tables, or a table with file and format";

/** Returns the object in the file of `{ file, format = "json" }`; undefined if the store is a list. */
function jsonFileOf(stores: ConfigTable, name: string): ConfigTable | undefined {
  const value = stores.get(name);
  if (Array.isArray(value)) return undefined;
  const table = stores.asTable(name, value, LIST_OR_FILE);
  if (table.has("key") || table.has("data")) {
    stores.wrong(name, `must be ${LIST_OR_FILE}${stores.meant("list", name)}`);
  }
  const [file, format] = table.done("file", "format");
  if (!table.has(file)) table.missing(file);
  if (!table.choice(format, ["json"])) table.missing(format);
  return table.json(file);
}
