import { chain, type Eventually } from "../util/eventually.ts";
import type { ContentId } from "./driver.ts";
import type { DriverCalls } from "./driver_calls.ts";

/** Bytes of each piece that a driver stores, except the last. */
export const PIECE: number = 256 << 10;

/** The part of a content that a driver stores: its first bytes, or all of them. */
export class Spool {
  readonly #calls: DriverCalls;
  #id: ContentId | undefined;
  #length = 0;
  #appending = false;
  /** Whether nothing more is appended: the content is to stay in memory. */
  #stopped = false;
  /** Counts how often the content was given up; an append that lands after that begins a content of nobody. */
  #epoch = 0;

  constructor(calls: DriverCalls) {
    this.#calls = calls;
  }

  /** A content that the driver has, complete. */
  static kept(calls: DriverCalls, id: ContentId, length: number): Spool {
    const spool = new Spool(calls);
    spool.#id = id;
    spool.#length = length;
    return spool;
  }

  /** Number of the content; undefined if the driver has none of it. */
  get id(): ContentId | undefined {
    return this.#id;
  }

  /** Bytes that only the driver has: those before this position. */
  get length(): number {
    return this.#length;
  }

  /** Whether bytes are on their way to the driver. */
  get appending(): boolean {
    return this.#appending;
  }

  /** Whether nothing more is appended, as the driver has failed or the content is to stay in memory. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Whether bytes that only the driver had are gone. */
  get lost(): boolean {
    return this.#length > 0 && this.#id === undefined;
  }

  /**
   * Gives bytes behind those that the driver has. One call at a time.
   *
   * @param whole Pieces of {@linkcode PIECE} bytes each.
   * @param done Is told that the driver has them.
   * @returns When the driver has answered. A failure stops the spool, and is logged.
   */
  append(whole: readonly Uint8Array[], done: () => void): Eventually<void> {
    const epoch = this.#epoch;
    const length = whole.reduce((sum, { length }) => sum + length, 0);
    this.#appending = true;
    const end = () => void (this.#appending = false);
    const fail = () => {
      this.#stopped = true;
      end();
    };
    try {
      const appended = this.#calls.write(
        "write to the cache",
        (driver) =>
          chain(driver.append(this.#id, whole), (id) => {
            if (epoch !== this.#epoch) return driver.free([id]);
            this.#id = id;
            if (this.#stopped) return;
            this.#length += length;
            done();
          }),
      );
      if (appended instanceof Promise) return appended.then(end, fail);
      end();
    } catch {
      fail();
    }
  }

  /**
   * The rest of the piece that holds a position.
   *
   * @returns Undefined if the driver has it no more. Throws or rejects as {@linkcode DriverCalls.read} does.
   */
  read(position: number): Eventually<Uint8Array | undefined> {
    const id = this.#id;
    if (id === undefined) return undefined;
    const piece = this.#calls.read(
      "read the cache",
      (driver) => driver.read(id, Math.floor(position / PIECE)),
    );
    const start = position % PIECE;
    return chain(
      piece,
      (piece) => piece && piece.length > start ? piece.subarray(start) : undefined,
    );
  }

  /** All bytes that only the driver has, in pieces; undefined if it has them no more. */
  readAll(at = 0, pieces: Uint8Array[] = []): Eventually<readonly Uint8Array[] | undefined> {
    while (at < this.#length) {
      const piece = this.read(at);
      if (piece instanceof Promise) {
        return piece.then((piece) => {
          if (piece) pieces.push(piece);
          return piece && this.readAll(at + piece.length, pieces);
        });
      }
      if (!piece) return undefined;
      pieces.push(piece);
      at += piece.length;
    }
    return pieces;
  }

  /** Whether the driver still has the content. A failure counts as no. */
  exists(): Eventually<boolean> {
    const id = this.#id;
    if (id === undefined) return false;
    try {
      const answer = this.#calls.read("read the cache", (driver) => driver.has(id));
      return answer instanceof Promise ? answer.catch(() => false) : answer;
    } catch {
      return false;
    }
  }

  /** Appends nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Notes that the content is complete with the driver. */
  keep(id: ContentId, length: number): void {
    this.#id = id;
    if (this.#length) this.#length = length;
  }

  /** Notes that all bytes are in memory again. */
  recalled(): void {
    this.#length = 0;
  }

  /** Notes that the driver has nothing of it any more. */
  lose(): void {
    this.#epoch++;
    this.#id = undefined;
  }
}

/** Cuts bytes into pieces for a driver; the last may be shorter. */
export function cut(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PIECE) pieces.push(bytes.subarray(at, at + PIECE));
  return pieces;
}
