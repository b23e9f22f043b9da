import { type ByteSource, concat, EMPTY, type Eventually, isWhole, type Payload } from "./bytes.ts";
import { HeaderList } from "./headers.ts";

/** Pieces of one message, some at hand and some still arriving, read in order as one. */
export class ChunkQueue implements ByteSource {
  /** Appended fields, and those of each source once it has ended. */
  readonly trailers: HeaderList = new HeaderList();
  readonly #pieces: Payload[] = [];
  #arriving: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  #done = false;

  /** Whether a read has met the end. */
  get done(): boolean {
    return this.#done;
  }

  get length(): number | undefined {
    let length = 0;
    for (const piece of this.#pieces) {
      if (piece.length === undefined) return undefined;
      length += piece.length;
    }
    return length;
  }

  push(piece: Payload): void {
    if (piece.length !== 0 || !isWhole(piece)) this.#pieces.push(piece);
  }

  unshift(piece: Payload): void {
    if (piece.length !== 0 || !isWhole(piece)) this.#pieces.unshift(piece);
  }

  /** Everything, if it is at hand and no fields follow it. */
  whole(): Uint8Array | undefined {
    if (this.trailers.size || this.#failure || !this.#pieces.every(isWhole)) return undefined;
    return this.#pieces.length ? concat(this.#pieces) : EMPTY;
  }

  /** At most `most` bytes of the next piece. */
  read(most = Infinity): Eventually<Uint8Array | undefined> {
    while (this.#pull()) {
      const head = this.#pieces[0] as Uint8Array | undefined;
      if (!head) {
        this.#done = true;
        return undefined;
      }
      if (head.length <= most) return this.#pieces.shift() as Uint8Array;
      this.#pieces[0] = head.subarray(most);
      return head.subarray(0, most);
    }
    return this.#arriving!.then(() => this.read(most));
  }

  /** Whether a read would not wait: bytes, the end or a failure are at hand. */
  get ready(): boolean {
    try {
      return this.#pull();
    } catch {
      return true; // the failure is the next read's to tell
    }
  }

  /** Resolves when {@linkcode ChunkQueue.ready} holds. */
  async whenReady(): Promise<void> {
    while (!this.ready) await this.#arriving!;
  }

  cancel(reason?: unknown): void {
    for (const piece of this.#pieces) if (!isWhole(piece)) piece.cancel(reason);
    this.#pieces.length = 0;
  }

  /** Brings bytes, or the end, to the front; false when they are still arriving. */
  #pull(): boolean {
    for (;;) {
      const head = this.#pieces[0];
      if (head === undefined || isWhole(head)) return true;
      if (this.#failure) throw this.#failure.error;
      if (this.#arriving) return false;
      const next = this.#attempt(() => head.read());
      if (next instanceof Promise) {
        this.#arriving = next.then(
          (chunk) => this.#place(head, chunk),
          (error) => void (this.#failure = { error }),
        ).finally(() => this.#arriving = undefined);
        return false;
      }
      this.#place(head, next);
    }
  }

  #attempt<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  #place(source: ByteSource, chunk: Uint8Array | undefined): void {
    // A prepended piece may stand before the source by now: it is read first, as it should be.
    const at = this.#pieces.indexOf(source);
    if (at < 0) return; // cancelled meanwhile
    if (chunk) return void this.#pieces.splice(at, 0, chunk);
    for (const [name, value] of source.trailers ?? []) this.trailers.append(name, value);
    this.#pieces.splice(at, 1);
  }
}
