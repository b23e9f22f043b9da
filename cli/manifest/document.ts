import type { GeoLookup } from "../../service/client/geo.ts";

/** Maximum length of a text in a message, in characters. */
const MAX_QUOTED = 60;
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
  /** Called with lines about values that are accepted but should be changed; also later, when a file is read again. */
  readonly warn: (line: string) => void;
  /** Opens a MaxMind database. Rejects with an `Error` whose message is the reason. */
  readonly openDatabase: (bytes: Uint8Array) => Promise<GeoLookup>;
}

/** Source of a table. */
export interface Document {
  /** Action for messages, after "Cannot": `read fastly.toml`. */
  readonly task: string;
  /** Name for messages, after a place in it; empty if places are enough. */
  readonly title: string;
  /** Folder to which paths are relative. */
  readonly folder: string;
  readonly io: HostIo;
  /** Whether tables have headers in brackets, which messages show. */
  readonly toml?: boolean;
}

/** Quotes a text for a message; a long one is cut. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}

/** Returns the path of a key in a place: `local_server.backends."a b"`. */
export function keyPath(place: string, key: string): string {
  const shown = /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
  return place ? `${place}.${shown}` : shown;
}
