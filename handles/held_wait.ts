import type { ByteSource, Eventually } from "../service/http/bytes.ts";
import type { ChunkQueue } from "../service/http/chunk_queue.ts";
import { refuse } from "../service/errors.ts";

/** Refuses a read that would wait forever. */
function refuseToRead(): never {
  refuse(
    "failed",
    "Cannot read on: this run of the program itself writes the object. " +
      "Write more, or close or abandon its body first",
  );
}

/** Whether a read would wait, and the run itself would have to write what it waits for. */
export function isStuck(content: ChunkQueue, run: object): boolean {
  return !content.ready && content.isHeldBy(run);
}

/**
 * Reads for a run that is suspended meanwhile. Refused, and nothing is read, as soon as only the run itself can end the
 * wait: from the start, or when what was appended to a cached object has come to its end.
 */
export function readFor(
  run: object,
  content: ChunkQueue,
  max?: number,
): Eventually<Uint8Array | undefined> {
  const changes = content.changes();
  if (!changes || content.ready) return content.read(max);
  if (content.isHeldBy(run)) refuseToRead();
  return Promise.race([content.whenReady(), changes]).then(() => readFor(run, content, max));
}

/** Returns the content as a source that is read by {@linkcode readFor}. */
export function sourceFor(run: object, content: ChunkQueue): ByteSource {
  return {
    get length() {
      return content.length;
    },
    get trailers() {
      return content.trailers;
    },
    read: () => readFor(run, content),
    cancel: (reason) => content.cancel(reason),
  };
}

/**
 * Passes a result on to a run that is suspended meanwhile. Refused as soon as only the run itself can end the wait.
 *
 * @param held Whether that is so now.
 * @param changes Resolves when it may have changed.
 */
export async function resultFor<T>(
  result: Promise<T>,
  held: () => boolean,
  changes: () => Promise<void> | undefined,
): Promise<T> {
  let settled = false;
  const settle = () => void (settled = true);
  const done = result.then(settle, settle);
  while (!settled) {
    if (held()) refuseToRead();
    const changed = changes();
    await (changed ? Promise.race([done, changed]) : done);
  }
  return await result;
}
