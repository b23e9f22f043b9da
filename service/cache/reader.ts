import type { ByteSource } from "../http/bytes.ts";
import type { Eventually } from "../util/eventually.ts";
import type { Position } from "./readers.ts";

/** Content, as its readers use it. */
interface ReadableContent {
  readonly length: number | undefined;
  readonly written: number;
  at(position: number, to: number | undefined): Eventually<Uint8Array> | "later" | "end";
  change(): Promise<void>;
  enter(reader: Position): void;
  moved(): void;
  leave(reader: Position): void;
  isHeldBy(run: object): boolean;
  changes(): Promise<void>;
  comesFrom(content: object): boolean;
}

/** Reader of a content, or of a part of it. */
export class Reader implements ByteSource, Position {
  readonly trailers = undefined;
  readonly #content: ReadableContent;
  readonly #to: number | undefined;
  position: number;
  /** Position of the last read: bytes that were returned since then may not have arrived yet. */
  #asked: number;
  #left = false;

  /** @param to Offset after the last byte; undefined reads to the end of the content. */
  constructor(content: ReadableContent, from: number, to: number | undefined) {
    this.#content = content;
    this.position = this.#asked = from;
    this.#to = to;
    content.enter(this);
  }

  get length(): number | undefined {
    const { length } = this.#content;
    if (length === undefined) return undefined;
    return Math.max(0, Math.min(this.#to ?? length, length) - this.position);
  }

  read(): Eventually<Uint8Array | undefined> {
    this.#asked = this.position;
    const next = this.#next();
    if (next === "later") return this.#content.change().then(() => this.read());
    if (next === "end") {
      this.cancel();
      return undefined;
    }
    return next instanceof Promise ? next.then((bytes) => this.#give(bytes)) : this.#give(next);
  }

  isHeldBy(run: object): boolean {
    return this.#content.written <= this.#asked && this.#content.isHeldBy(run);
  }

  changes(): Promise<void> {
    return this.#content.changes();
  }

  comesFrom(content: object): boolean {
    return this.#content.comesFrom(content);
  }

  /** Ends this reader; the writer goes on for others. */
  cancel(): void {
    if (this.#left) return;
    this.#left = true;
    this.#content.leave(this);
  }

  #give(bytes: Uint8Array): Uint8Array {
    this.position += bytes.length;
    // At the end of a range the reader leaves now, since it may not read again.
    if (this.position === this.#to) this.cancel();
    else this.#content.moved();
    return bytes;
  }

  #next(): Eventually<Uint8Array> | "later" | "end" {
    const leave = (error: unknown): never => {
      this.cancel();
      throw error;
    };
    try {
      const next = this.#content.at(this.position, this.#to);
      return next instanceof Promise ? next.catch(leave) : next;
    } catch (error) {
      return leave(error);
    }
  }
}
