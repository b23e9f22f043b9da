import { chain, type Eventually } from "../util/eventually.ts";
import { gone } from "./content_errors.ts";
import type { ContentId } from "./driver.ts";
import type { DriverCalls } from "./driver_calls.ts";

/** Size of each piece that a driver stores, except the last, in bytes. */
export const PIECE: number = 256 << 10;

/** Part of a content that a driver stores: its first bytes, or all of them. */
export class Spool {
  readonly #calls: DriverCalls;
  #id: ContentId | undefined;
  #length = 0;
  #appending = false;
  #stopped = false;
  /** Number of times that the content was lost. An append that was made before that frees the content that it has begun. */
  #epoch = 0;

  constructor(calls: DriverCalls) {
    this.#calls = calls;
  }

  /** Makes the spool of a complete content that the driver has. */
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

  /** Number of first bytes that only the driver has. */
  get length(): number {
    return this.#length;
  }

  /** Whether an append is running. */
  get appending(): boolean {
    return this.#appending;
  }

  /** Whether no more is appended, since the driver has failed or the content stays in memory. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Whether bytes that only the driver had are lost. */
  get lost(): boolean {
    return this.#length > 0 && this.#id === undefined;
  }

  /**
   * Appends bytes to those that the driver has. One call at a time.
   *
   * @param whole Pieces of {@linkcode PIECE} bytes each.
   * @param done Called when the driver has them.
   * @returns Undefined, or a promise that resolves when the driver has answered. A failure stops the spool, and is logged.
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
   * Reads the piece at a position, from that position on.
   *
   * @returns Undefined if the driver does not have it any more. Throws or rejects as {@linkcode DriverCalls.read}.
   */
  #read(position: number): Eventually<Uint8Array | undefined> {
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

  /**
   * Returns bytes at a position, up to a limit.
   *
   * @throws {HostError} (or rejects) `http-incomplete` if the driver fails, or does not have them any more.
   */
  at(position: number, limit: number): Eventually<Uint8Array> {
    const max = Math.min(limit, this.#length) - position;
    const take = (piece: Uint8Array | undefined) => piece ? piece.subarray(0, max) : gone();
    try {
      const piece = this.#read(position);
      return piece instanceof Promise ? piece.then(take, gone) : take(piece);
    } catch (error) {
      return gone(error);
    }
  }

  /** Reads all bytes that only the driver has, in pieces; undefined if it does not have them any more. */
  readAll(at = 0, pieces: Uint8Array[] = []): Eventually<readonly Uint8Array[] | undefined> {
    while (at < this.#length) {
      const piece = this.#read(at);
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

  /** Whether the driver still has the content; `false` if it fails. */
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

  /** Ends appending. */
  stop(): void {
    this.#stopped = true;
  }

  /** Notes that the driver has all of the content. */
  keep(id: ContentId, length: number): void {
    this.#id = id;
    if (this.#length) this.#length = length;
  }

  /** Notes that all bytes are in memory again. */
  recalled(): void {
    this.#length = 0;
  }

  /** Notes that the driver has no part of the content any more. */
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
