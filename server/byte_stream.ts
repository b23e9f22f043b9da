import type { Duplex } from "node:stream";

/**
 * Transport of an HTTP/1 connection: a TCP or TLS socket, a stream of another protocol, or one of a pair in memory. A
 * `Duplex` of which these are used: the events `data`, `end`, `drain`, `error` and `close` (the last one), and `pause`,
 * `resume`, `write`, `end` and `destroy`.
 */
export type ByteStream = Duplex & {
  /** Number of bytes that were written; sockets have it. */
  readonly bytesWritten?: number;
  /** Resets the connection; TCP sockets have it. */
  resetAndDestroy?(): unknown;
};
