import type { ByteStream } from "./byte_stream.ts";

/** Maximum time for which a closing connection is still read, in milliseconds. */
const MAX_MILLIS = 2000;
/** Maximum number of bytes that are read from it. */
const MAX_BYTES = 16 * 2 ** 20;

/**
 * Closes a connection in two steps (RFC 9112, section 9.6): first the sending side; then, when the client has closed its
 * own side or the limit is met, the rest. Bytes that arrive at a closed socket cause a reset, after which the client
 * cannot read the end of its response.
 */
export function linger(stream: ByteStream): void {
  const timer = setTimeout(() => stream.destroy(), MAX_MILLIS);
  let bytes = 0;
  stream.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) stream.destroy();
  });
  stream.on("close", () => clearTimeout(timer));
  stream.end();
  stream.resume();
}
