import type { Duplex } from "node:stream";

/**
 * What an HTTP/1 connection runs over: a TCP or TLS socket, a stream of another protocol, or a pair of streams in memory.
 * Bytes come as `data` and an `end`, `pause` and `resume` hold them back, `write` answers whether there is room and
 * `drain` says when there is again, `end` closes the sending side, `destroy` both, `close` is the last event.
 */
export type ByteStream = Duplex & {
  /** Bytes that were written so far; sockets have it. */
  readonly bytesWritten?: number;
  /** Ends the connection so that the other side sees it cut; sockets of TCP have it. */
  resetAndDestroy?(): unknown;
};
