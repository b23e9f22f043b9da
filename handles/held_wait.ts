import type { ByteSource, Eventually } from "../service/http/bytes.ts";
import type { ChunkQueue } from "../service/http/chunk_queue.ts";
import { refuse } from "../service/errors.ts";

/** Refuses a read that would never end: the run waits for content that only the run itself can write. */
function refuseToRead(): never {
  refuse(
    "failed",
    "Cannot read on: this run of the program itself writes the object. " +
      "Write more, or close or abandon its body first",
  );
}

/** Whether a read has to wait for bytes that only the given run can write. */
export function isStuck(content: ChunkQueue, run: object): boolean {
  return !content.ready && content.isHeldBy(run);
}

/**
 * Reads on behalf of a run, which is suspended until the read ends. The read is refused, and takes no bytes, as soon as
 * only the run itself can write the content: at the call, or later, when the other sources of a cached object have ended.
 *
 * @param max Maximum number of bytes; by default the next piece is read whole.
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

/** Returns the content as a source whose reads go through {@linkcode readFor}. */
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
 * Awaits a result on behalf of a run, which is suspended until then. The wait is refused as soon as only the run itself
 * can end it.
 *
 * @param held Returns whether only the run can end the wait.
 * @param changes Returns a promise that resolves when the result of `held` may have changed; undefined if it cannot.
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
