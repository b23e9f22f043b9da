import type { CacheContent } from "./content.ts";
import { ageAfter, type Lifetime, type Phase, phaseAt } from "./lifetime.ts";
import type { VaryRule } from "./vary.ts";

/** Options of an insert or update. */
export interface WriteOptions {
  readonly lifetime: Lifetime;
  readonly varyRule: VaryRule;
  /** Vary rule in the guest's spelling, which the guest can read back; by default the names with spaces between them. */
  readonly varyText?: string | undefined;
  readonly surrogateKeys: ReadonlySet<string>;
  readonly userMetadata: Uint8Array;
  /** Whether the content is kept in memory only. */
  readonly sensitive: boolean;
  /** Length of the content in bytes, if the writer knows it. */
  readonly length: number | undefined;
}

/** Estimated size of an object without its content and metadata, in bytes. */
const OVERHEAD = 512;

/** A cached object: its content, and the options of its insert or last update. */
export class CachedObject {
  readonly content: CacheContent;
  readonly options: WriteOptions;
  /** Number of times that it was found. */
  hits: number;
  /** Whether a soft purge has made it stale. */
  purged = false;
  /** Time of its insert or last update, in milliseconds since 1970. */
  readonly stored: number;
  /** Number of the last purge before it, if the cache follows a feed of purges. */
  number: number | undefined;
  readonly #now: () => number;

  constructor(
    content: CacheContent,
    options: WriteOptions,
    now: () => number,
    hits = 0,
    stored = now(),
  ) {
    this.content = content;
    this.options = options;
    this.hits = hits;
    this.stored = stored;
    this.#now = now;
  }

  /** Age in nanoseconds. */
  get age(): bigint {
    return ageAfter(this.options.lifetime, this.#now() - this.stored);
  }

  get phase(): Phase {
    return phaseAt(this.options.lifetime, this.age, this.purged);
  }

  /** Estimated size in bytes. */
  get size(): number {
    const { userMetadata, surrogateKeys } = this.options;
    let size = OVERHEAD + userMetadata.length + this.content.written;
    for (const key of surrogateKeys) size += key.length;
    return size;
  }
}

/** Object that a lookup has found, with its phase, length and hits at that time. */
export class FoundObject {
  readonly object: CachedObject;
  readonly phase: Exclude<Phase, "expired">;
  /** Length in bytes; undefined if it was neither complete nor declared. */
  readonly length: number | undefined;
  /** Number of times that the object was found, this one included. */
  readonly hits: number;

  constructor(object: CachedObject, phase: Exclude<Phase, "expired">) {
    this.object = object;
    this.phase = phase;
    this.length = object.content.length;
    this.hits = object.hits;
  }
}
