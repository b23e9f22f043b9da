import { Buffer } from "node:buffer";
import type { ContentId } from "../../service/cache/driver.ts";
import { APPEND } from "./cache_scripts.ts";
import { bytes, number, optional, text } from "./replies.ts";
import type { Store } from "./store.ts";

/** Maximum number of pieces in one call. */
const PIECES = 4;
/** Time for which a content without an object is kept, in milliseconds: before its object is put, and for readers after. */
const LOOSE = 60_000;

const READING = { action: "read the cache", again: true };
const WRITING = { action: "write to the cache", again: true };
/** Not sent again: a piece could be appended twice. */
const APPENDING = { action: "write to the cache", again: false };

/** Contents of cached objects, each under a key of its own, which may be on any node of a Cluster. */
export class Contents {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Appends pieces, or begins a content.
   *
   * @param object Object that has the content from now on, with the milliseconds for which it is kept. By default the
   *   content has none yet.
   * @returns The content, and the object that had it before, or an empty text; undefined if the content is gone.
   */
  async append(
    content: ContentId | undefined,
    pieces: readonly Uint8Array[],
    object?: { readonly name: string; readonly ttl: number },
  ): Promise<{ readonly id: ContentId; readonly before: string } | undefined> {
    // The content outlives its object, for readers that have found it.
    const [name, ttl] = object ? [object.name, object.ttl + LOOSE] : ["", LOOSE];
    let id = content ?? newContent();
    let begins = content === undefined;
    let before = "";
    for (let at = 0; at === 0 || at < pieces.length;) {
      const some = pieces.slice(at, at + PIECES).map(bufferOf);
      const args = [begins ? "1" : "0", name, `${ttl}`, ...some];
      const reply = await this.#store.run(APPENDING, APPEND, [this.#key(id)], args);
      if (reply === 0) return undefined;
      if (reply === -1) id = newContent();
      else {
        if (!at) before = reply;
        at += PIECES;
        begins = false;
      }
    }
    return { id, before };
  }

  /** Returns the object that has a content; undefined if there is none. */
  async objectOf(content: ContentId): Promise<string | undefined> {
    const args = ["HGET", this.#key(content), "at"] as const;
    return await this.#store.command(READING, args, optional(text)) || undefined;
  }

  async has(content: ContentId): Promise<boolean> {
    return await this.#store.command(READING, ["EXISTS", this.#key(content)], number) === 1;
  }

  async read(content: ContentId, piece: number): Promise<Uint8Array | undefined> {
    const args = ["HGET", this.#key(content), `${piece}`] as const;
    const found = await this.#store.command(READING, args, optional(bytes));
    return found && new Uint8Array(found);
  }

  /** Keeps a content for its readers only, since it has no object any more. */
  async leave(content: ContentId): Promise<void> {
    await this.#store.command(WRITING, ["PEXPIRE", this.#key(content), `${LOOSE}`], number);
  }

  async remove(content: ContentId): Promise<void> {
    await this.#store.command(WRITING, ["UNLINK", this.#key(content)], number);
  }

  #key(content: ContentId): string {
    return `{${this.#store.prefix}:content:${content}}:b`;
  }
}

/** Returns a random number of 53 bits for a new content. The store refuses one that is in use. */
function newContent(): ContentId {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! & 0x1fffff) * 2 ** 32 + low!;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
