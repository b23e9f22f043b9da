import type { CacheContent } from "./content.ts";
import { ageAfter, type Lifetime, type Phase, phaseAt } from "./lifetime.ts";
import type { VaryRule } from "./vary.ts";

/** What a writer says of an object. */
export interface WriteOptions {
  readonly lifetime: Lifetime;
  readonly varyRule: VaryRule;
  /** The rule as the guest wrote it, for a guest that asks; without it, the names with spaces between them. */
  readonly varyText?: string | undefined;
  readonly surrogateKeys: ReadonlySet<string>;
  readonly userMetadata: Uint8Array;
  /** Whether the content may be kept in memory only. */
  readonly sensitive: boolean;
  /** How many bytes will be written, if the writer knows. */
  readonly length: number | undefined;
}

/** What one object takes beside its content and metadata, in bytes: about. */
const OVERHEAD = 512;

/** A cached object: content, and what was said of it when it was stored or last updated. */
export class CachedObject {
  readonly content: CacheContent;
  readonly options: WriteOptions;
  /** How often it was found. */
  hits: number;
  /** Whether a soft purge has made it stale. */
  purged = false;
  /** When it was stored or last updated, in milliseconds. */
  readonly stored: number;
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

  /** Nanoseconds. */
  get age(): bigint {
    return ageAfter(this.options.lifetime, this.#now() - this.stored);
  }

  get phase(): Phase {
    return phaseAt(this.options.lifetime, this.age, this.purged);
  }

  /** Bytes of memory, about. */
  get size(): number {
    const { userMetadata, surrogateKeys } = this.options;
    let size = OVERHEAD + userMetadata.length + this.content.written;
    for (const key of surrogateKeys) size += key.length;
    return size;
  }
}

/** An object as a lookup has found it: what it says of freshness, length and hits is of that moment. */
export class FoundObject {
  readonly object: CachedObject;
  readonly phase: Exclude<Phase, "expired">;
  /** Known when the object was complete by then, or its length declared. */
  readonly length: number | undefined;
  /** How often the object has been found, this time included. */
  readonly hits: number;

  constructor(object: CachedObject, phase: Exclude<Phase, "expired">) {
    this.object = object;
    this.phase = phase;
    this.length = object.content.length;
    this.hits = object.hits;
  }
}
