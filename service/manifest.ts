import { dirname, isAbsolute, join } from "node:path";
import { parse, type TomlTable, type TomlValue } from "npm:smol-toml@1.9.1";
import type { BackendOptions } from "./backend.ts";

/** What a fastly.toml says about running a service on this machine. */
export interface Manifest {
  readonly backends: Readonly<Record<string, BackendOptions>>;
  /** Lines for the user about what was taken but should be changed. */
  readonly warnings: readonly string[];
}

/** A fastly.toml that cannot be used; the message is one line with file, table and key. */
export class ManifestError extends Error {
  override name = "ManifestError";
}

const NEWEST_VERSION = 3;
const BACKEND_KEYS = [
  "url",
  "override_host",
  "cert_host",
  "use_sni",
  "client_certificate",
  "ca_certificate",
  "grpc",
  "first_byte_timeout_ms",
  "between_bytes_timeout_ms",
  "health",
];

/**
 * Reads the text of a fastly.toml. Unknown keys in a backend are errors, as they are in Fastly's own local server;
 * unknown keys elsewhere belong to other tools.
 *
 * @param file The manifest's path: for messages, and because the files it names are found from its folder.
 * @param read Reads another file as text, or throws.
 * @throws {ManifestError}
 */
export function parseManifest(
  text: string,
  file: string,
  read: (path: string) => string,
): Manifest {
  const warnings: string[] = [];
  const files: Files = { manifest: file, read, warn: (line) => void warnings.push(line) };
  const root = new Table(parseToml(text, file), "", files);
  checkVersion(root);
  const entries = root.table("local_server")?.table("backends")?.tables() ?? [];
  const backends = new Map<string, BackendOptions>();
  for (const [name, table] of entries) backends.set(name, parseBackend(table));
  return { backends: Object.fromEntries(backends), warnings };
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

function checkVersion(root: Table): void {
  const version = root.get("manifest_version");
  if (version === undefined) return;
  if (typeof version !== "number" || !Number.isInteger(version) || version < 0) {
    root.wrong("manifest_version", "must be a whole number");
  }
  if (version > NEWEST_VERSION) {
    root.wrong("manifest_version", `is ${version}, and ${NEWEST_VERSION} is the newest known`);
  }
}

function parseBackend(table: Table): BackendOptions {
  table.only(BACKEND_KEYS);
  if (table.boolean("grpc")) table.wrong("grpc", "is true, which is not supported yet");
  const url = table.string("url") ?? table.missing("url");
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    table.wrong("url", `is not an http or https URL: ${JSON.stringify(url)}`);
  }
  const hostOverride = table.string("override_host");
  if (hostOverride === "") table.wrong("override_host", "must not be empty");
  const timeouts = parseTimeouts(table);
  const tls = parseTls(table);
  const health = parseHealth(table);
  return {
    url,
    ...(hostOverride === undefined ? {} : { hostOverride }),
    ...(timeouts && { timeouts }),
    ...(tls && { tls }),
    ...(health && { health }),
  };
}

function parseTimeouts(table: Table): BackendOptions["timeouts"] {
  const firstByte = table.millis("first_byte_timeout_ms");
  const betweenBytes = table.millis("between_bytes_timeout_ms");
  return compact({ firstByte, betweenBytes });
}

function parseTls(table: Table): BackendOptions["tls"] {
  const certHost = table.string("cert_host");
  if (certHost === "") table.wrong("cert_host", "must not be empty");
  const ca = table.has("ca_certificate") ? parseCa(table) : undefined;
  const clientCertificate = parseClientCertificate(table.table("client_certificate"));
  const sni = table.boolean("use_sni") === false ? false as const : undefined;
  return compact({ ca, certHost, sni, clientCertificate });
}

function parseHealth(table: Table): BackendOptions["health"] {
  const health = table.string("health")?.toLowerCase();
  switch (health) {
    case undefined:
    case "unknown":
    case "healthy":
    case "unhealthy":
      return health;
  }
  table.wrong("health", `must be "unknown", "healthy" or "unhealthy"`);
}

/** One certificate or several, each as PEM, `{ value }` or `{ file }`. */
function parseCa(table: Table): readonly string[] | undefined {
  const value = table.get("ca_certificate");
  const forms = Array.isArray(value) ? value : [value];
  const certificates = forms.map((form) => {
    if (typeof form === "string") return table.pem("ca_certificate", form);
    const inner = table.asTable("ca_certificate", form, "a PEM text, a table or a list of those");
    inner.only(["file", "value"]);
    return inner.textOrFile("value", "file");
  });
  return certificates.length ? certificates : undefined;
}

function parseClientCertificate(
  table: Table | undefined,
): { certificate: string; key: string } | undefined {
  if (!table) return undefined;
  table.only(["certificate", "certificate_file", "key", "key_file"]);
  return {
    certificate: table.textOrFile("certificate", "certificate_file"),
    key: table.textOrFile("key", "key_file"),
  };
}

/** The fields that are there, or nothing if none is. */
function compact<T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } | undefined {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return there.length
    ? Object.fromEntries(there) as { [K in keyof T]: NonNullable<T[K]> }
    : undefined;
}

interface Files {
  readonly manifest: string;
  readonly read: (path: string) => string;
  readonly warn: (line: string) => void;
}

/** A table of the manifest, which knows its place for messages. */
class Table {
  readonly #values: TomlTable;
  readonly #place: string;
  readonly #files: Files;

  constructor(values: TomlTable, place: string, files: Files) {
    this.#values = values;
    this.#place = place;
    this.#files = files;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#values, key);
  }

  get(key: string): TomlValue | undefined {
    return this.has(key) ? this.#values[key] : undefined;
  }

  string(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "string") return value;
    this.wrong(key, "must be a text in quotes");
  }

  boolean(key: string): boolean | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "boolean") return value;
    this.wrong(key, "must be true or false");
  }

  /** Zero means no limit, as everywhere in Fastly's settings. */
  millis(key: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
      this.wrong(key, "must be a whole number of milliseconds");
    }
    return value || undefined;
  }

  table(key: string): Table | undefined {
    return this.has(key) ? this.asTable(key, this.get(key), "a table") : undefined;
  }

  tables(): [name: string, table: Table][] {
    return Object.keys(this.#values).map((name) => [name, this.table(name)!]);
  }

  asTable(key: string, value: TomlValue | undefined, expected: string): Table {
    const isTable = typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
    if (!isTable) this.wrong(key, `must be ${expected}`);
    return new Table(value as TomlTable, this.#at(key), this.#files);
  }

  /** The text under one key, or that of the file under the other. */
  textOrFile(textKey: string, fileKey: string): string {
    const text = this.string(textKey);
    const file = this.string(fileKey);
    if (text !== undefined && file !== undefined) {
      this.#fail(`keys "${textKey}" and "${fileKey}" are both in ${this.#place}`);
    }
    if (file !== undefined) return this.pem(fileKey, this.#read(fileKey, file));
    if (text !== undefined) return this.pem(textKey, text);
    this.#fail(`key "${textKey}" or "${fileKey}" is missing in ${this.#place}`);
  }

  pem(key: string, text: string): string {
    return text.includes("-----BEGIN ") ? text : this.wrong(key, "is not in PEM format");
  }

  only(keys: readonly string[]): void {
    for (const key of Object.keys(this.#values)) {
      if (!keys.includes(key)) this.wrong(key, "is not known");
    }
  }

  missing(key: string): never {
    this.#fail(`key "${key}" is missing in ${this.#place}`);
  }

  wrong(key: string, what: string): never {
    this.#fail(`key "${key}"${this.#place && ` in ${this.#place}`} ${what}`);
  }

  #fail(what: string): never {
    throw new ManifestError(`Cannot read ${this.#files.manifest}: ${what}`);
  }

  #at(key: string): string {
    const shown = /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
    return this.#place ? `${this.#place}.${shown}` : shown;
  }

  #read(key: string, path: string): string {
    const { manifest, read, warn } = this.#files;
    const beside = isAbsolute(path) ? path : join(dirname(manifest), path);
    const attempt = attemptRead(read, beside);
    if ("text" in attempt) return attempt.text;
    // Fastly's own local server looks in the working directory.
    const elsewhere = beside === join(path) ? attempt : attemptRead(read, path);
    if ("text" in elsewhere) {
      warn(
        `${manifest} names ${path} from the working directory: make it relative to the manifest`,
      );
      return elsewhere.text;
    }
    this.wrong(key, `names ${path}, which cannot be read: ${attempt.reason}`);
  }
}

function attemptRead(
  read: (path: string) => string,
  path: string,
): { text: string } | { reason: string } {
  try {
    return { text: read(path) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}
