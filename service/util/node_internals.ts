import { type ClientRequest, OutgoingMessage } from "node:http";
import { type ClientHttp2Stream, constants } from "node:http2";
import type { Socket } from "node:net";
import { Readable } from "node:stream";

/**
 * Everything that the host does by parts of `node:` and Deno that are not their public interface. No other file may do
 * so (a test of the graph holds it): a new version of Deno can break only what is here.
 */

/** Where the internals are looked for. */
interface Platform {
  readonly OutgoingMessage: new () => object;
  readonly Readable: { readonly prototype: object };
  readonly streamStateIdle: unknown;
  /** Undefined where there are no threads: then nothing of them is used. */
  readonly Worker: { readonly prototype: object } | undefined;
}

const PLATFORM: Platform = {
  OutgoingMessage,
  Readable,
  streamStateIdle: constants.NGHTTP2_STREAM_STATE_IDLE,
  Worker: globalThis.Worker,
};

/** Each internal by name, with what it is for. */
const INTERNALS: readonly {
  readonly name: string;
  readonly use: string;
  isIn(platform: Platform): boolean;
}[] = [
  {
    name: "OutgoingMessage._header of node:http",
    use: "methods and trailer fields are sent as the guest has them",
    isIn: ({ OutgoingMessage }) => "_header" in new OutgoingMessage(),
  },
  {
    name: "Readable.push of node:stream and the state IDLE of node:http2",
    use: "a response that HTTP/2 cuts short is told from a whole one",
    isIn: ({ Readable, streamStateIdle }) =>
      "push" in Readable.prototype && typeof streamStateIdle === "number",
  },
  {
    name: "the symbol by which node:worker_threads unrefs a Worker",
    use: "the process can end while the watchdog's thread runs",
    isIn: ({ Worker }) => !Worker || unrefSymbols(Worker.prototype).length > 0,
  },
];

/**
 * Checks that this version of Deno has the internals that the host relies on.
 *
 * @param platform Where to look; by default Deno's own modules.
 * @throws {Error} If one is missing; the message names all that are, and what each is for.
 */
export function checkNodeInternals(platform: Platform = PLATFORM): void {
  const missing = INTERNALS.filter((internal) => !internal.isIn(platform));
  if (!missing.length) return;
  const list = missing.map(({ name, use }) => `${name} (so that ${use})`).join(", ");
  throw new Error(`Cannot run on this version of Deno, use 2.9.6: it lacks ${list}`);
}

/**
 * Changes the head of a request that `node:http` has rendered and not sent: it upper-cases methods and refuses some
 * fields that RFC 9110 allows.
 */
export function rewriteHead(request: ClientRequest, rewrite: (head: string) => string): void {
  const internals = request as unknown as { _header: string };
  internals._header = rewrite(internals._header);
}

/**
 * Keeps Deno from sending a request again on a new connection when a kept one was closed. It does so for any method,
 * POST too. Deno looks for the mark only when that happens, so no check at start can find it; tests of closed
 * connections do.
 */
export function neverRetry(request: ClientRequest): void {
  (request as unknown as { _retrying: boolean })._retrying = true;
}

/**
 * Watches how a new HTTP/2 stream ends. `node:http2` takes RST_STREAM with NO_ERROR for the end of the content. The first
 * end that is pushed decides: after END_STREAM the connection still knows the stream, after RST_STREAM it does not.
 *
 * @returns Function that tells whether RST_STREAM has ended the content.
 */
export function watchReset(stream: ClientHttp2Stream): () => boolean {
  let reset: boolean | undefined;
  const push = stream.push;
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null) reset ??= stream.state.state === constants.NGHTTP2_STREAM_STATE_IDLE;
    return push.call(stream, chunk, encoding);
  };
  return () => reset === true;
}

/** Lets `node:http2` use a TLS connection without a server name: it makes a URL of the name, which fails if it is empty. */
export function allowEmptyServerName(socket: Socket): void {
  const tls = socket as Socket & { servername?: unknown };
  if (tls.servername === "") tls.servername = false;
}

/** Lets the process end while the thread runs. Deno can do that for `node:worker_threads` only. */
export function unrefWorker(worker: Worker): void {
  for (const key of unrefSymbols(Worker.prototype)) {
    (worker as unknown as Record<symbol, (ref: boolean) => void>)[key]!(false);
  }
}

/** The symbol has no description, unlike the others of a Worker. */
function unrefSymbols(prototype: object): symbol[] {
  return Object.getOwnPropertySymbols(prototype).filter((key) =>
    key.description === undefined && typeof Reflect.get(prototype, key) === "function"
  );
}
