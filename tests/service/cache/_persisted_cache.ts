/**
 * A cache over a driver, for the contract that every driver passes.
 *
 * @module
 */
import { collect } from "../../../service/http/bytes.ts";
import { Cache } from "../../../service/cache/cache.ts";
import type { CacheDriver } from "../../../service/cache/driver.ts";
import type { FoundObject, WriteOptions } from "../../../service/cache/object.ts";
import type { Inserted } from "../../../service/cache/lookup_result.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { NONE, resultOf, type Saying, written } from "./_cache.ts";

/** A driver without objects, for one test. */
interface OpenCacheDriver extends AsyncDisposable {
  readonly driver: CacheDriver;
  /** Ends this driver, and gives one that the next start would have. */
  reopen(): Promise<CacheDriver>;
}

/** Opens a driver for one test. */
export type Open = () => Promise<OpenCacheDriver>;

/** Bytes. */
export const MIB = 1 << 20;

/** A cache over a driver, on a clock to set, and the next one after a restart. */
export class Bench {
  now = 1_000_000_000;
  cache: Cache;
  readonly #opened: OpenCacheDriver | undefined;
  readonly #max: number;

  constructor(opened: OpenCacheDriver | undefined, max = 64 * MIB) {
    this.#opened = opened;
    this.#max = max;
    this.cache = new Cache(max, () => this.now, opened?.driver);
  }

  /** Ends a turn of the event loop, with all that the cache writes then. */
  async turn(): Promise<void> {
    await Promise.resolve();
    await this.cache.drained();
  }

  /** @param killed Whether the process had no time to end. */
  async restart(killed = false): Promise<void> {
    if (!this.#opened) return;
    if (!killed) await this.cache.close();
    this.cache = new Cache(this.#max, () => this.now, await this.#opened.reopen());
    await this.cache.loaded;
  }

  begin(key: string, more: Partial<WriteOptions> & { say?: Saying; headers?: HeaderList } = {}) {
    const { say, headers = NONE, ...options } = more;
    return this.cache.insert(key, headers, { ...written(say), ...options });
  }

  async store(
    key: string,
    content: Uint8Array,
    more?: Parameters<Bench["begin"]>[1],
  ): Promise<Inserted> {
    const inserted = this.begin(key, more);
    if (content.length) await inserted.content.write(content);
    await inserted.content.finish();
    return inserted;
  }

  async find(key: string, headers: HeaderList = NONE): Promise<FoundObject | undefined> {
    return (await resultOf(this.cache.lookup(key, headers))).found;
  }

  async text(key: string, headers?: HeaderList): Promise<string | undefined> {
    const found = await this.find(key, headers);
    return found && new TextDecoder().decode(await bodyOf(found));
  }
}

/** Returns a range of a found object. */
export function bodyOf(found: FoundObject, from?: number, to?: number): Promise<Uint8Array> {
  return collect(found.object.content.read(from, to));
}

/** In UTF-8. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** Content of which every byte tells where it is. */
export function big(length: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + (i >> 12) + salt;
  return bytes;
}

/** A request with these values of x-variant. */
export function fields(...values: string[]): HeaderList {
  const headers = new HeaderList();
  for (const value of values) headers.append("x-variant", value);
  return headers;
}

/** As `assertEquals` finds, but for much. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
