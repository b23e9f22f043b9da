import type { ByteSource, Eventually } from "../http/bytes.ts";
import type { Position } from "./readers.ts";

/** What a reader reads, and whom it tells how far it is. */
export interface ReadableContent {
  readonly length: number | undefined;
  at(position: number, to: number | undefined): Uint8Array | "later" | "end";
  change(): Promise<void>;
  enter(reader: Position): void;
  moved(): void;
  leave(reader: Position): void;
  isHeldBy(run: object): boolean;
}

/** One reader's position in the content. */
export class Reader implements ByteSource, Position {
  readonly trailers = undefined;
  readonly #content: ReadableContent;
  readonly #to: number | undefined;
  position: number;
  #left = false;

  constructor(content: ReadableContent, from: number, to: number | undefined) {
    this.#content = content;
    this.position = from;
    this.#to = to;
    content.enter(this);
  }

  get length(): number | undefined {
    const { length } = this.#content;
    if (length === undefined) return undefined;
    return Math.max(0, Math.min(this.#to ?? length, length) - this.position);
  }

  read(): Eventually<Uint8Array | undefined> {
    const next = this.#next();
    if (next === "later") return this.#content.change().then(() => this.read());
    if (next === "end") {
      this.cancel();
      return undefined;
    }
    this.position += next.length;
    // Whoever has read a range may not come back for its end.
    if (this.position === this.#to) this.cancel();
    else this.#content.moved();
    return next;
  }

  isHeldBy(run: object): boolean {
    return this.#content.isHeldBy(run);
  }

  /** The writer goes on, for other readers. */
  cancel(): void {
    if (this.#left) return;
    this.#left = true;
    this.#content.leave(this);
  }

  #next(): Uint8Array | "later" | "end" {
    try {
      return this.#content.at(this.position, this.#to);
    } catch (error) {
      this.cancel();
      throw error;
    }
  }
}
