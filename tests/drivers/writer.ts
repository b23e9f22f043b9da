/**
 * A process that writes to a file of SQLite, for tests that kill it or run several: `writer.ts FILE MODE NAME`. It tells
 * each write in a line once the write is acknowledged.
 *
 * @module
 */
import { openSqlite, type SqliteStorage } from "../../drivers/sqlite.ts";
import type { Eventually } from "../../service/http/bytes.ts";
import { Cache } from "../../service/cache/cache.ts";
import { KvStore } from "../../service/stores/kv/store.ts";
import { RateLimiter } from "../../service/rate/limiter.ts";
import { NONE, written } from "../service/cache/_cache.ts";

/** The value under the key of a number: each eleventh is of several rows. */
export function valueOf(number: number): Uint8Array[] {
  return number % 11 === 10
    ? [new Uint8Array(2_500_000).fill(number)]
    : [new TextEncoder().encode(`value ${number}`)];
}

/** Bytes that a cache of the tests may take. */
export const CACHE_BYTES = 256 << 20;

/**
 * Work of the process: write keys of a KV store, cache objects and purge each fifth, or count, for ever; or append 1000
 * letters to one value.
 */
export type Mode = "keys" | "append" | "cache" | "rates";

const encoder = new TextEncoder();

type Writer = (number: number) => Eventually<void>;

function keyWriter(storage: SqliteStorage, name: string): Writer {
  const store = new KvStore(storage.kvDriver("store"), Date.now);
  return async (number) => {
    // Every key is first written short, so that kills also hit records that are being replaced.
    await store.insert(`${name}${number}`, [encoder.encode("first")]);
    await store.insert(`${name}${number}`, valueOf(number));
  };
}

function cacheWriter(storage: SqliteStorage, name: string): Writer {
  const cache = new Cache(CACHE_BYTES, Date.now, storage.cacheDriver);
  return async (number) => {
    const options = written({ maxAge: 3600, keys: [`${name}${number}`] });
    for (const value of [[encoder.encode("first")], valueOf(number)]) {
      const { content } = cache.insert(`${name}${number}`, NONE, options);
      for (const piece of value) {
        for (let at = 0; at < piece.length; at += 300_000) {
          await content.write(piece.slice(at, at + 300_000));
        }
      }
      await content.finish();
    }
    if (number % 5 === 4) await cache.purge(`${name}${number - 1}`, false);
  };
}

function rateWriter(storage: SqliteStorage, name: string): Writer {
  const limiter = new RateLimiter(Date.now, storage.rateDriver);
  return async (number) => {
    await limiter.counters.increment("counter", name, 1);
    await limiter.boxes.add("box", `${name}${number}`, 3600);
  };
}

const WRITERS = { keys: keyWriter, cache: cacheWriter, rates: rateWriter };

if (import.meta.main) {
  const [file, mode, name] = Deno.args as [string, Mode, string];
  using storage = await openSqlite(file);
  if (mode === "append") {
    const store = new KvStore(storage.kvDriver("store"), Date.now);
    for (let i = 0; i < 1000; i++) {
      await store.insert("key", [encoder.encode(name)], { mode: "append" });
    }
  } else {
    const write = WRITERS[mode](storage, name);
    for (let i = 0;; i++) {
      await write(i);
      await Deno.stdout.write(encoder.encode(`${i}\n`));
    }
  }
}
