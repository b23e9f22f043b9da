import type { ServerHttp2Session } from "node:http2";
import { setImmediate } from "node:timers";

/**
 * Defers `close` and `destroy` of a session to the end of the current turn of the event loop.
 *
 * `node:http2` closes a session when a GOAWAY of its client arrives. In Deno 2.9.6 that frees the session while its parser
 * still handles the frame, and the process crashes with "free(): invalid pointer" (bench/http2_end.ts).
 */
export function deferEnd(session: ServerHttp2Session): void {
  const close = session.close.bind(session);
  const destroy = session.destroy.bind(session);
  session.close = (...args) => void setImmediate(close, ...args);
  session.destroy = (...args) => void setImmediate(destroy, ...args);
}
