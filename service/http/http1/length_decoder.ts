import type { Buffer } from "node:buffer";
import type { HeaderList } from "../headers.ts";
import { viewOf } from "./views.ts";

/** Finds the end of a message's content in a connection's bytes. */
export interface ContentDecoder {
  /** Whether the content has ended. */
  readonly ended: boolean;
  /** Trailer fields, if there are any; complete once the content has ended. */
  readonly trailers: HeaderList | undefined;
  /**
   * Decodes bytes.
   *
   * @param bytes The next bytes of the connection.
   * @param data Called with each piece of content, a view of those bytes.
   * @returns Number of the bytes that belong to the message: all of them, unless it has ended.
   * @throws {Rejection} If the bytes are not valid.
   */
  push(bytes: Buffer, data: (piece: Uint8Array) => void): number;
}

/** Content whose length is declared (RFC 9112, section 6.2). */
export class LengthDecoder implements ContentDecoder {
  readonly trailers: undefined;
  #left: number;

  /** @param length Content-Length, in bytes. */
  constructor(length: number) {
    this.#left = length;
  }

  get ended(): boolean {
    return this.#left === 0;
  }

  push(bytes: Buffer, data: (piece: Uint8Array) => void): number {
    const taken = Math.min(this.#left, bytes.length);
    this.#left -= taken;
    if (taken) data(viewOf(bytes, 0, taken));
    return taken;
  }
}
