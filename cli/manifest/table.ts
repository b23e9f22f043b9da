import { isAbsolute, join } from "node:path";
import type { GeoLookup } from "../../service/client/geo.ts";
import { suggest } from "../../service/util/suggest.ts";
import { handshakeUrl } from "../../service/http/url.ts";
import { parseJson } from "./json.ts";

/** Error for a fastly.toml, or a file of it, that cannot be used. The message is one line with file, table and key. */
export class ManifestError extends Error {
  /** The error's name. */
  override name = "ManifestError";
}

/** Access to the machine for reading a manifest. */
export interface HostIo {
  /** Returns a file's bytes; undefined if there is no such file. Throws an `Error` whose message is the reason. */
  readonly read: (path: string) => Uint8Array | undefined;
  /**
   * Returns a text that differs after each change of a file, made of its modification time and size; undefined if that
   * is not known, so that the file has to be read.
   */
  readonly versionOf?: (path: string) => string | undefined;
  /** Returns a variable of the environment. */
  readonly env: (name: string) => string | undefined;
  /** Takes lines about values that were read but should be changed; also later, when a file is read again. */
  readonly warn: (line: string) => void;
  /** Opens a MaxMind database. Rejects with an `Error` whose message is the reason. */
  readonly openDatabase: (bytes: Uint8Array) => Promise<GeoLookup>;
}

/** Source of a table. */
interface Document {
  /** Action for messages, after "Cannot": `read fastly.toml`. */
  readonly task: string;
  /** Name for messages, after a place in it; empty if places are enough. */
  readonly title: string;
  /** Folder of relative paths. */
  readonly folder: string;
  readonly io: HostIo;
  /** Whether tables have headers in brackets, which messages then show. */
  readonly toml?: boolean;
}

const NO_FILE = "there is no such file";
/** Characters of a text that a message quotes. */
const MAX_QUOTED = 60;
/** Longest timer of the platform, in milliseconds: 24 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Table of a manifest, or object of a JSON file. It knows its place, for messages, and the keys that were asked for, so
 * that each key is written once, where it is read: `done()` refuses all others. Every fault is a
 * {@linkcode ManifestError}.
 */
export class ConfigTable {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #place: string;
  readonly #document: Document;
  /** Keys that were asked for, whether they are there or not. */
  readonly #asked = new Set<string>();

  /** @param place The keys that lead here, joined by dots; empty at the root. */
  constructor(values: Readonly<Record<string, unknown>>, place: string, document: Document) {
    this.#values = values;
    this.#place = place;
    this.#document = document;
  }

  get io(): HostIo {
    return this.#document.io;
  }

  keys(): string[] {
    return Object.keys(this.#values);
  }

  /** All values; every key of them is known from now on. */
  values(): Readonly<Record<string, unknown>> {
    for (const key of this.keys()) this.#asked.add(key);
    return this.#values;
  }

  /** Whether the key is there; it is known only once it is read. */
  has(key: string): boolean {
    return Object.hasOwn(this.#values, key);
  }

  /** The value of a key, which is known from now on. */
  get(key: string): unknown {
    this.#asked.add(key);
    return this.has(key) ? this.#values[key] : undefined;
  }

  /** A text, which `{ env = "NAME" }` takes from the environment. */
  string(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "string") return value;
    if (!isTable(value) || !Object.hasOwn(value, "env")) {
      this.wrong(key, "must be a text in quotes");
    }
    const table = new ConfigTable(value, this.#at(key), this.#document);
    const [env] = table.done("env");
    return table.variable(env);
  }

  /** The environment variable that the key names. */
  variable(key: string): string {
    const name = this.get(key);
    if (typeof name !== "string") this.wrong(key, "must be a text in quotes");
    return this.io.env(name) ??
      this.wrong(key, `names the environment variable ${name}, which is not set`);
  }

  /** A text that must not be empty if it is there. */
  filledString(key: string): string | undefined {
    const text = this.string(key);
    return text === "" ? this.wrong(key, "must not be empty") : text;
  }

  /** A list of texts. */
  stringList(key: string): readonly string[] | undefined {
    const list = this.get(key);
    if (list === undefined) return undefined;
    if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list;
    this.wrong(key, "must be a list of texts in quotes");
  }

  /** An `http:` or `https:` URL, for which `ws:` and `wss:` may stand. */
  requiredHandshakeUrl(key: string): string {
    return this.#httpUrl(key, handshakeUrl(this.requiredString(key)));
  }

  /** An `http:` or `https:` URL. */
  requiredUrl(key: string): string {
    return this.#httpUrl(key, this.requiredString(key));
  }

  #httpUrl(key: string, text: string): string {
    const parsed = URL.parse(text);
    if (parsed && /^https?:$/.test(parsed.protocol)) return text;
    this.wrong(key, `is not an http or https URL: ${JSON.stringify(text)}`);
  }

  requiredString(key: string): string {
    return this.string(key) ?? this.missing(key);
  }

  /** One of some texts. */
  choice<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const text = this.string(key);
    if (text === undefined || choices.includes(text as T)) return text as T | undefined;
    const shown = choices.map((choice) => `"${choice}"`);
    const last = shown.pop()!;
    this.wrong(key, `must be ${shown.length ? `${shown.join(", ")} or ${last}` : last}`);
  }

  boolean(key: string): boolean | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "boolean") return value;
    this.wrong(key, "must be true or false");
  }

  /** @param unit What it counts, for the message. */
  wholeNumber(key: string, unit?: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
      this.wrong(key, `must be a whole number${unit ? ` of ${unit}` : ""}`);
    }
    return value;
  }

  millis(key: string): number | undefined {
    const value = this.wholeNumber(key, "milliseconds");
    return value === undefined ? undefined : Math.min(value, LONGEST_TIMER);
  }

  table(key: string): ConfigTable | undefined {
    const value = this.get(key);
    return this.has(key) ? this.asTable(key, value, "a table") : undefined;
  }

  /** The table under the key, or an empty one in its place. */
  tableOrEmpty(key: string): ConfigTable {
    return this.table(key) ?? this.asTable(key, {}, "a table");
  }

  /** All values, each of which must be a table under a name. */
  tables(): [name: string, table: ConfigTable][] {
    return this.names().map((name) => [name, this.table(name)!]);
  }

  /** All keys, where they are names that users choose: none may be empty. */
  names(): string[] {
    if (this.has("")) this.fail(`a name${this.#inPlace()} is empty`);
    return this.keys();
  }

  /** A list of tables. */
  tableList(key: string, expected: string): ConfigTable[] {
    const value = this.get(key);
    if (!Array.isArray(value)) {
      this.wrong(key, `must be ${expected}${isTable(value) ? this.meant("list", key) : ""}`);
    }
    return value.map((item, i) => {
      if (!isTable(item)) this.wrong(key, `must be ${expected}`);
      return new ConfigTable(item, `${this.#at(key)}[${i}]`, this.#document);
    });
  }

  /** The value of that key, read as a table. */
  asTable(key: string, value: unknown, expected: string): ConfigTable {
    if (!isTable(value)) {
      const isList = Array.isArray(value) && value.some(isTable);
      this.wrong(key, `must be ${expected}${isList ? this.meant("table", key) : ""}`);
    }
    return new ConfigTable(value, this.#at(key), this.#document);
  }

  /** The only one of these keys that is there. */
  oneOf<K extends string>(keys: readonly K[]): K {
    return this.atMostOneOf(keys) ??
      this.fail(
        `key ${keys.map((key) => `"${key}"`).join(" or ")} is missing${this.#inPlace()}`,
      );
  }

  /** The one of these keys that is there, if any; all of them are known from now on. */
  atMostOneOf<K extends string>(keys: readonly K[]): K | undefined {
    for (const key of keys) this.#asked.add(key);
    const [found, other] = keys.filter((key) => this.has(key));
    if (other) this.fail(`keys "${found}" and "${other}" are both${this.#inPlace()}`);
    return found;
  }

  /** The bytes of the file that the key names. */
  bytes(key: string): Uint8Array {
    return this.#read(key, this.requiredString(key)).bytes;
  }

  /** The text of the file that the key names. */
  text(key: string): string {
    return this.#decode(key, this.bytes(key));
  }

  /** The object in the JSON file that the key names. */
  json(key: string): ConfigTable {
    return this.#parse(key, this.text(key));
  }

  /**
   * Returns a reader of the JSON file that the key names. Each call reads the file anew if it has changed, so that a
   * guest sees edits. A file that has become wrong gives a warning and its previous content.
   */
  jsonAnew<T>(key: string, parse: (root: ConfigTable) => T): () => T {
    const { path, bytes } = this.#read(key, this.requiredString(key));
    let text = this.#decode(key, bytes);
    let value = parse(this.#parse(key, text));
    let told: string | undefined;
    let version: string | undefined;
    return () => {
      const latest = this.io.versionOf?.(path);
      if (latest !== undefined && latest === version) return value;
      version = latest;
      try {
        const now = this.#decode(key, this.#readAt(key, path));
        if (now !== text) {
          value = parse(this.#parse(key, now));
          text = now;
        }
        told = undefined;
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        if (error.message !== told) this.io.warn(told = error.message);
      }
      return value;
    };
  }

  /** The path under the key, made relative to the working directory. */
  path(key: string): string | undefined {
    const path = this.filledString(key);
    return path === undefined ? undefined : this.#locate(path);
  }

  /**
   * Ends the keys of a table: one that nothing has asked for is a mistake. It is called before what fails without a
   * key or a file, so that a slip in a key's name is told and not the lack of a key.
   *
   * @param last Keys that are read after this call.
   * @returns The same keys.
   */
  done<K extends readonly string[]>(...last: K): K {
    for (const key of last) this.#asked.add(key);
    const [left] = this.unknown();
    if (left) this.wrong(left.key, `is not known${didYouMean(left.meant)}`);
    return last;
  }

  /** The keys that nothing has asked for, each with the known one that it may stand for. */
  unknown(): { readonly key: string; readonly meant: string | undefined }[] {
    return this.keys().filter((key) => !this.#asked.has(key)).map((key) => ({
      key,
      meant: suggest(key, this.known()),
    }));
  }

  /** The keys that something has asked for. */
  known(): string[] {
    return [...this.#asked];
  }

  /** Text for the end of a message: a key, or the header of a table or of a list of tables, at this path; empty outside of TOML. */
  meant(kind: "table" | "list" | "key", ...path: readonly string[]): string {
    if (!this.#document.toml) return "";
    const place = path.reduce((at, key) => keyPath(at, key), this.#place);
    return didYouMean({ key: place, table: `[${place}]`, list: `[[${place}]]` }[kind]);
  }

  missing(key: string): never {
    this.fail(`key "${key}" is missing${this.#inPlace()}`);
  }

  wrong(key: string, what: string): never {
    this.fail(`key ${quoted(key)}${this.#inPlace()} ${what}`);
  }

  fail(what: string): never {
    throw new ManifestError(`Cannot ${this.#document.task}: ${what.replace(/\s*\n\s*/g, " ")}`);
  }

  /** Warns about a key whose value can be used but should be changed. */
  warn(key: string, what: string): void {
    const { title } = this.#document;
    this.io.warn(
      `${title && `${title}: `}key ${JSON.stringify(key)}${this.#inPlace()} ${what}`,
    );
  }

  #inPlace(): string {
    return this.#place && ` in ${this.#place}`;
  }

  #at(key: string): string {
    return keyPath(this.#place, key);
  }

  #locate(path: string): string {
    return isAbsolute(path) ? path : join(this.#document.folder, path);
  }

  #read(key: string, path: string): { path: string; bytes: Uint8Array } {
    const beside = this.#locate(path);
    const found = this.#attempt(beside);
    if (typeof found !== "string") return { path: beside, bytes: found };
    // Fastly's own local server looks in the working directory.
    const elsewhere = found !== NO_FILE || beside === join(path) ? found : this.#attempt(path);
    if (typeof elsewhere === "string") this.#unreadable(key, path, elsewhere);
    this.warn(key, `names ${path} from the working directory: make it relative to the manifest`);
    return { path, bytes: elsewhere };
  }

  #readAt(key: string, path: string): Uint8Array {
    const found = this.#attempt(path);
    return typeof found === "string" ? this.#unreadable(key, path, found) : found;
  }

  #unreadable(key: string, path: string, reason: string): never {
    this.wrong(key, `names ${path}, which cannot be read: ${reason}`);
  }

  /** Returns a file's bytes, or the reason why there are none. */
  #attempt(path: string): Uint8Array | string {
    try {
      return this.io.read(path) ?? NO_FILE;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #decode(key: string, bytes: Uint8Array): string {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      this.wrong(key, `names ${this.string(key)}, which is not UTF-8`);
    }
  }

  #parse(key: string, text: string): ConfigTable {
    const { title, io, folder } = this.#document;
    const file = this.requiredString(key);
    const origin = [this.#place, title].filter(Boolean).join(" in ");
    const name = `${file} (${origin})`;
    const document = { task: `read ${name}`, title: name, io, folder };
    let value: unknown;
    try {
      value = parseJson(text);
    } catch (error) {
      throw new ManifestError(`Cannot read ${name}: it is not JSON: ${(error as Error).message}`);
    }
    if (!isTable(value)) throw new ManifestError(`Cannot read ${name}: it is not an object`);
    return new ConfigTable(value, "", document);
  }
}

/** Quotes a text for a message; a long one in part. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}

function keyPath(place: string, key: string): string {
  const shown = /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
  return place ? `${place}.${shown}` : shown;
}

/** Returns a question for the end of a message; an empty text if no name is near. */
export function didYouMean(meant: string | undefined): string {
  return meant === undefined ? "" : `: did you mean ${meant}?`;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}
