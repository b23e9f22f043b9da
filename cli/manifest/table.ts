import { isAbsolute, join } from "node:path";
import { isPlainObject } from "../../service/util/plain_object.ts";
import { didYouMean, suggest } from "../../service/util/suggest.ts";
import { handshakeUrl } from "../../service/http/url.ts";
import { type Document, type HostIo, keyPath, ManifestError, quoted } from "./document.ts";
import { JsonError, located, parseJson } from "./json.ts";
import { messageOf } from "../../service/errors.ts";

const NO_FILE = "there is no such file";
/** Longest timer of the platform, in milliseconds: 24 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Table of a manifest, or object of a JSON file. It knows its place, for messages, and the keys that were read, so that
 * each key is named once, where it is read: `done()` refuses all others. Every fault is a {@linkcode ManifestError}.
 */
export class ConfigTable {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #place: string;
  readonly #document: Document;
  /** Keys that were read, whether they exist or not. */
  readonly #readKeys = new Set<string>();

  /** @param place Path of keys from the root, joined by dots; empty at the root. */
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

  /** Returns all values, and counts all keys as read. */
  values(): Readonly<Record<string, unknown>> {
    for (const key of this.keys()) this.#readKeys.add(key);
    return this.#values;
  }

  /** Whether a key exists; it does not count as read. */
  has(key: string): boolean {
    return Object.hasOwn(this.#values, key);
  }

  /** Returns the value of a key, and counts it as read. */
  get(key: string): unknown {
    this.#readKeys.add(key);
    return this.has(key) ? this.#values[key] : undefined;
  }

  /** Reads a text; `{ env = "NAME" }` reads it from the environment. */
  string(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "string") return value;
    if (!isPlainObject(value) || !Object.hasOwn(value, "env")) {
      this.wrong(key, "must be a text in quotes");
    }
    const table = new ConfigTable(value, this.#at(key), this.#document);
    const [env] = table.done("env");
    return table.variable(env);
  }

  /** Returns the value of the environment variable that the key names. */
  variable(key: string): string {
    const name = this.get(key);
    if (typeof name !== "string") this.wrong(key, "must be a text in quotes");
    return this.io.env(name) ??
      this.wrong(key, `names the environment variable ${name}, which is not set`);
  }

  /** Reads a text that may be absent but not empty. */
  filledString(key: string): string | undefined {
    const text = this.string(key);
    return text === "" ? this.wrong(key, "must not be empty") : text;
  }

  /** Reads a list of texts. */
  stringList(key: string): readonly string[] | undefined {
    const list = this.get(key);
    if (list === undefined) return undefined;
    if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list;
    this.wrong(key, "must be a list of texts in quotes");
  }

  /** Reads an `http:` or `https:` URL, also written as `ws:` or `wss:`. */
  requiredHandshakeUrl(key: string): string {
    return this.#httpUrl(key, handshakeUrl(this.requiredString(key)));
  }

  /** Reads an `http:` or `https:` URL. */
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

  /** Reads one of the given texts. */
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

  /**
   * Reads a whole number.
   *
   * @param unit Unit, for the message.
   */
  wholeNumber(key: string, unit?: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
      this.wrong(key, `must be a whole number${unit ? ` of ${unit}` : ""}`);
    }
    return value;
  }

  /** Reads a number of milliseconds, capped at the longest timer. */
  millis(key: string): number | undefined {
    const value = this.wholeNumber(key, "milliseconds");
    return value === undefined ? undefined : Math.min(value, LONGEST_TIMER);
  }

  table(key: string): ConfigTable | undefined {
    const value = this.get(key);
    return this.has(key) ? this.asTable(key, value, "a table") : undefined;
  }

  /** Reads a table; an empty one if the key does not exist. */
  tableOrEmpty(key: string): ConfigTable {
    return this.table(key) ?? this.asTable(key, {}, "a table");
  }

  /** Reads all values, each of which must be a table under a name. */
  tables(): [name: string, table: ConfigTable][] {
    return this.names().map((name) => [name, this.table(name)!]);
  }

  /** Returns all keys as names that users choose: none may be empty. */
  names(): string[] {
    if (this.has("")) this.fail(`a name${this.#inPlace()} is empty`);
    return this.keys();
  }

  /** Reads a list of tables. */
  tableList(key: string, expected: string): ConfigTable[] {
    const value = this.get(key);
    if (!Array.isArray(value)) {
      this.wrong(key, `must be ${expected}${isPlainObject(value) ? this.meant("list", key) : ""}`);
    }
    return value.map((item, i) => {
      if (!isPlainObject(item)) this.wrong(key, `must be ${expected}`);
      return new ConfigTable(item, `${this.#at(key)}[${i}]`, this.#document);
    });
  }

  /** Reads the given value of a key as a table. */
  asTable(key: string, value: unknown, expected: string): ConfigTable {
    if (!isPlainObject(value)) {
      const isList = Array.isArray(value) && value.some(isPlainObject);
      this.wrong(key, `must be ${expected}${isList ? this.meant("table", key) : ""}`);
    }
    return new ConfigTable(value, this.#at(key), this.#document);
  }

  /** Returns the only one of these keys that exists; one must. */
  oneOf<K extends string>(keys: readonly K[]): K {
    return this.atMostOneOf(keys) ??
      this.fail(
        `key ${keys.map((key) => `"${key}"`).join(" or ")} is missing${this.#inPlace()}`,
      );
  }

  /** Returns the only one of these keys that exists, if any; all of them count as read. */
  atMostOneOf<K extends string>(keys: readonly K[]): K | undefined {
    for (const key of keys) this.#readKeys.add(key);
    const [present, other] = keys.filter((key) => this.has(key));
    if (other) this.fail(`keys "${present}" and "${other}" are both${this.#inPlace()}`);
    return present;
  }

  /** Reads the bytes of the file that the key names. */
  bytes(key: string): Uint8Array {
    return this.#read(key, this.requiredString(key)).bytes;
  }

  /** Reads the text of the file that the key names. */
  text(key: string): string {
    return this.#decode(key, this.bytes(key));
  }

  /** Reads the object in the JSON file that the key names. */
  json(key: string): ConfigTable {
    return this.#parse(key, this.text(key));
  }

  /**
   * Returns a reader of the JSON file that the key names. Each call reads the file again if it has changed, so that guests
   * see edits. A file that is not valid any more causes a warning, and its previous content is used.
   */
  jsonAnew<T>(key: string, parse: (root: ConfigTable) => T): () => T {
    const { path, bytes } = this.#read(key, this.requiredString(key));
    let text = this.#decode(key, bytes);
    let value = parse(this.#parse(key, text));
    let warned: string | undefined;
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
        warned = undefined;
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        if (error.message === warned) return value;
        warned = error.message;
        if (error.cause instanceof JsonError) this.#warnLocated(error);
        else this.io.warn(warned);
      }
      return value;
    };
  }

  /** Warns of a file that is not JSON, once the place of the fault is known. */
  async #warnLocated(error: ManifestError): Promise<void> {
    this.io.warn((await located(error)).message);
  }

  /** Reads a path; returns it relative to the working directory. */
  path(key: string): string | undefined {
    const path = this.filledString(key);
    return path === undefined ? undefined : this.#locate(path);
  }

  /**
   * Refuses keys that were not read. Called before reads that fail for a missing key or file, so that a misspelt key is
   * reported rather than the missing one.
   *
   * @param last Keys that are read after this call.
   * @returns The same keys.
   */
  done<K extends readonly string[]>(...last: K): K {
    for (const key of last) this.#readKeys.add(key);
    const [left] = this.unknown();
    if (left) this.wrong(left.key, `is not known: ${didYouMean(left.key, this.known())}`);
    return last;
  }

  /** Returns the keys that were not read, each with the known key that it may stand for. */
  unknown(): { readonly key: string; readonly meant: string | undefined }[] {
    return this.keys().filter((key) => !this.#readKeys.has(key)).map((key) => ({
      key,
      meant: suggest(key, this.known()),
    }));
  }

  /** Returns the keys that were read. */
  known(): string[] {
    return [...this.#readKeys];
  }

  /** Returns a question for the end of a message, about a key or the header of a table or list; empty outside of TOML. */
  meant(kind: "table" | "list" | "key", ...path: readonly string[]): string {
    if (!this.#document.toml) return "";
    const place = path.reduce((at, key) => keyPath(at, key), this.#place);
    return `: did you mean ${{ key: place, table: `[${place}]`, list: `[[${place}]]` }[kind]}?`;
  }

  /** Fails for a key that does not exist. */
  missing(key: string): never {
    this.fail(`key "${key}" is missing${this.#inPlace()}`);
  }

  /** Fails for a key's value; `fault` follows the key in the message. */
  wrong(key: string, fault: string): never {
    this.fail(`key ${quoted(key)}${this.#inPlace()} ${fault}`);
  }

  /** Fails with a fault in one line. */
  fail(fault: string, cause?: unknown): never {
    const line = fault.replace(/\s*\n\s*/g, " ");
    throw new ManifestError(`Cannot ${this.#document.task}: ${line}`, { cause });
  }

  /** Warns about a key whose value can be used but should be changed. */
  warn(key: string, fault: string): void {
    const { title } = this.#document;
    this.io.warn(
      `${title && `${title}: `}key ${JSON.stringify(key)}${this.#inPlace()} ${fault}`,
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
    const result = this.#attempt(beside);
    if (typeof result !== "string") return { path: beside, bytes: result };
    // Fastly's own local server resolves paths from the working directory.
    const elsewhere = result !== NO_FILE || beside === join(path) ? result : this.#attempt(path);
    if (typeof elsewhere === "string") this.#unreadable(key, path, elsewhere);
    this.warn(key, `names ${path} from the working directory: make it relative to the manifest`);
    return { path, bytes: elsewhere };
  }

  #readAt(key: string, path: string): Uint8Array {
    const result = this.#attempt(path);
    return typeof result === "string" ? this.#unreadable(key, path, result) : result;
  }

  #unreadable(key: string, path: string, reason: string): never {
    this.wrong(key, `names ${path}, which cannot be read: ${reason}`);
  }

  /** Returns a file's bytes, or the reason why it cannot be read. */
  #attempt(path: string): Uint8Array | string {
    try {
      return this.io.read(path) ?? NO_FILE;
    } catch (error) {
      return messageOf(error);
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
      const { message } = error as Error;
      throw new ManifestError(`Cannot read ${name}: it is not JSON: ${message}`, { cause: error });
    }
    if (!isPlainObject(value)) throw new ManifestError(`Cannot read ${name}: it is not an object`);
    return new ConfigTable(value, "", document);
  }
}
