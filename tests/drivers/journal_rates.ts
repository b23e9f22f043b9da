import { memoryRateDriver, type RateDriver, type RateRecord } from "../../drivers/mod.ts";

/** Stores records in memory, and each change in a file, from which the next start restores them. */
export function journalRates(path: string): RateDriver & Disposable {
  const memory = memoryRateDriver();
  for (const [key, now, record] of changesIn(path)) {
    memory.update(key, now, (kept) => Object.assign(kept, record));
  }
  const file = Deno.openSync(path, { append: true, create: true });
  return {
    get: memory.get,
    update(key, now, change) {
      memory.update(key, now, change);
      const line = `${JSON.stringify([key, now, memory.get(key)])}\n`;
      const bytes = new TextEncoder().encode(line);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    },
    [Symbol.dispose]: () => file.close(),
  };
}

function changesIn(path: string): [key: string, now: number, record: RateRecord][] {
  try {
    // A last line without an end was not acknowledged.
    return Deno.readTextFileSync(path).split("\n").slice(0, -1).map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
