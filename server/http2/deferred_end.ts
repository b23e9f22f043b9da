import type { ServerHttp2Session } from "node:http2";
import { setImmediate } from "node:timers";

/**
 * Has a session end at the end of the turn of the event loop in which that is asked for.
 *
 * `node:http2` itself closes a session when its client's GOAWAY arrives. In Deno 2.9.6 that frees the session while its
 * parser is still at work on the frame, and the process ends by "free(): invalid pointer" (bench/http2_end.ts).
 */
export function deferEnd(session: ServerHttp2Session): void {
  const close = session.close.bind(session);
  const destroy = session.destroy.bind(session);
  session.close = (...args) => void setImmediate(close, ...args);
  session.destroy = (...args) => void setImmediate(destroy, ...args);
}
