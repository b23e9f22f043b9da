import { type KvDriver, type KvRecord, memoryDriver } from "../../drivers/mod.ts";

/** A change, in one line of the file: a record that was written, or the generation of one that was deleted. */
type Change =
  & { readonly key: string; readonly generation: string }
  & Partial<{
    readonly value: readonly string[];
    readonly metadata: string;
    readonly expires: number;
  }>;

/** Stores a KV store in memory, and each change in a file, from which the next start restores it. */
export function journalDriver(path: string): KvDriver & Disposable {
  const memory = memoryDriver();
  for (const change of changesIn(path)) apply(memory, change);
  const file = Deno.openSync(path, { append: true, create: true });
  const note = (change: Change) => {
    const line = new TextEncoder().encode(`${JSON.stringify(change)}\n`);
    for (let at = 0; at < line.length;) at += file.writeSync(line.subarray(at));
  };
  return {
    get: memory.get,
    list: memory.list,
    async set(key, record, expected) {
      const written = await memory.set(key, record, expected);
      if (written) note(changeOf(key, record));
      return written;
    },
    async delete(key, generation) {
      const deleted = await memory.delete(key, generation);
      if (deleted) note({ key, generation: `${generation}` });
      return deleted;
    },
    [Symbol.dispose]: () => file.close(),
  };
}

function changeOf(key: string, { value, metadata, generation, expires }: KvRecord): Change {
  return {
    key,
    generation: `${generation}`,
    value: value.map((piece) => piece.toBase64()),
    metadata,
    ...expires !== undefined && { expires },
  };
}

function apply(memory: KvDriver, { key, value, metadata = "", expires, ...rest }: Change): void {
  const generation = BigInt(rest.generation);
  if (!value) return void memory.delete(key, generation);
  const pieces = value.map((piece) => Uint8Array.fromBase64(piece));
  memory.set(key, { value: pieces, metadata, generation, expires }, "any");
}

/** Reads the changes. A last line without an end is removed: its process was killed before it acknowledged the change. */
function changesIn(path: string): Change[] {
  try {
    const bytes = Deno.readFileSync(path);
    const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
    if (whole.length < bytes.length) Deno.truncateSync(path, whole.length);
    const lines = new TextDecoder().decode(whole).split("\n");
    return lines.filter(Boolean).map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
