/**
 * A process that writes to a file of SQLite, for tests that kill it or run several: `writer.ts FILE MODE NAME`. It tells
 * each write in a line once the write is acknowledged.
 *
 * @module
 */
import { openSqlite } from "../../drivers/sqlite.ts";
import { KvStore } from "../../service/kv/store.ts";

/** The value under the key of a number: each eleventh is of several rows. */
export function valueOf(number: number): Uint8Array[] {
  return number % 11 === 10
    ? [new Uint8Array(2_500_000).fill(number)]
    : [new TextEncoder().encode(`value ${number}`)];
}

/** What the process is to do: write keys for ever, or put 1000 letters behind one value. */
export type Mode = "keys" | "append";

if (import.meta.main) {
  const [file, mode, name] = Deno.args as [string, Mode, string];
  using storage = await openSqlite(file);
  const store = new KvStore(storage.kvDriver("store"), Date.now);
  if (mode === "append") {
    for (let i = 0; i < 1000; i++) {
      await store.insert("key", [new TextEncoder().encode(name)], { mode: "append" });
    }
  } else {
    for (let i = 0;; i++) {
      // Every key is first written short, so that kills also hit records that are being replaced.
      await store.insert(`${name}${i}`, [new TextEncoder().encode("first")]);
      await store.insert(`${name}${i}`, valueOf(i));
      await Deno.stdout.write(new TextEncoder().encode(`${i}\n`));
    }
  }
}
