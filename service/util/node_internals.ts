import type { Http2Stream } from "node:http2";
import type { Server, Socket } from "node:net";
import type { Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { builtin } from "./builtins.ts";

/**
 * All uses of parts of `node:` and Deno that are not public, so that a new version of Deno can break this file alone.
 * `tests/graph_test.ts` finds uses in other files.
 *
 * @module
 */

/** Connections that may wait to be accepted, as `node:net` has it by default. */
const BACKLOG = 511;

/** Modules and globals that have the internals. */
interface Platform {
  readonly Readable: { readonly prototype: object };
  readonly streamStateIdle: unknown;
  /** Undefined where there are no threads, and so no internals of them are used. */
  readonly Worker: { readonly prototype: object } | undefined;
}

const PLATFORM: Platform = {
  get Readable() {
    return builtin("node:stream").Readable;
  },
  get streamStateIdle() {
    return builtin("node:http2").constants.NGHTTP2_STREAM_STATE_IDLE;
  },
  Worker: globalThis.Worker,
};

/** Parts of the host that rely on internals, each of which checks them when it is first used. */
type Part = "engine" | "HTTP/2 to backends";

/** Internals by name, each with its use and a check. */
const INTERNALS: readonly {
  readonly part: Part;
  readonly name: string;
  readonly use: string;
  isIn(platform: Platform): boolean;
}[] = [
  {
    part: "HTTP/2 to backends",
    name: "Readable.push of node:stream and the state IDLE of node:http2",
    use: "a response that HTTP/2 cuts short is told from a whole one",
    isIn: ({ Readable, streamStateIdle }) =>
      "push" in Readable.prototype && typeof streamStateIdle === "number",
  },
  {
    part: "engine",
    name: "the symbol by which node:worker_threads unrefs a Worker",
    use: "the process can end while the watchdog's thread runs",
    isIn: ({ Worker }) => !Worker || unrefSymbols(Worker.prototype).length > 0,
  },
];

/**
 * Checks that this version of Deno has the internals that a part of the host relies on.
 *
 * @param platform Modules to check; by default Deno's.
 * @throws {Error} If an internal is missing; the message names all that are, and their uses.
 */
export function checkNodeInternals(part: Part, platform: Platform = PLATFORM): void {
  const missing = INTERNALS.filter((of) => of.part === part && !of.isIn(platform));
  if (!missing.length) return;
  const list = missing.map(({ name, use }) => `${name} (so that ${use})`).join(", ");
  throw new Error(`Cannot run on this version of Deno, use 2.9.6: it lacks ${list}`);
}

/**
 * Watches how a new HTTP/2 stream ends, since `node:http2` treats RST_STREAM with NO_ERROR as the end of the content. The
 * state of the stream at the first pushed end tells them apart: the connection still knows it after END_STREAM, but not
 * after RST_STREAM.
 *
 * @returns Function that returns whether RST_STREAM has ended the content.
 */
export function watchReset(stream: Http2Stream): () => boolean {
  const { NGHTTP2_STREAM_STATE_IDLE } = builtin("node:http2").constants;
  let reset: boolean | undefined;
  const push = stream.push;
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null) reset ??= stream.state.state === NGHTTP2_STREAM_STATE_IDLE;
    return push.call(stream, chunk, encoding);
  };
  return () => reset === true;
}

/**
 * Has `pass` look at the bytes that arrive on a stream before its reader does. `node:http2` takes a socket's bytes without its
 * `data` event, but not without `push`.
 *
 * @param pass Called with each chunk, and with a function that gives it to the reader.
 */
export function watchInput(
  stream: Readable,
  pass: (chunk: Uint8Array, read: () => void) => void,
): void {
  const push = stream.push;
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (!(chunk instanceof Uint8Array)) return push.call(stream, chunk, encoding);
    let more = true;
    pass(chunk, () => more = push.call(stream, chunk, encoding));
    return more;
  };
}

/**
 * Allows `node:http2` to use a TLS connection without a server name: it builds a URL from the name, which fails for an
 * empty one.
 */
export function allowEmptyServerName(socket: Socket): void {
  const tls = socket as Socket & { servername?: unknown };
  if (tls.servername === "") tls.servername = false;
}

/** The TCP connection below a TLS socket, as `node:net` has it inside. */
interface BelowTls {
  readStop?(): unknown;
  readStart?(): unknown;
}

/**
 * Makes a TLS socket read nothing more from the network while it is paused. Deno's own reads on, into memory without a
 * bound. Where Deno has no such internals the socket stays as it is.
 */
export function stopReadsWhilePaused(socket: TLSSocket): void {
  const below = () =>
    (socket as unknown as { _handle?: { _parent?: BelowTls } | null })._handle?._parent;
  const { pause, resume } = socket;
  socket.pause = () => {
    pause.call(socket);
    below()?.readStop?.();
    return socket;
  };
  socket.resume = () => {
    below()?.readStart?.();
    return resume.call(socket);
  };
}

/** A bound TCP socket as `node:net` has it inside. */
interface Bound {
  getsockname(out: object): number;
  close(): void;
}

/** How `node:net` makes one: a number is an error's. Older versions of Deno have none. */
type CreateServerHandle = (
  address: string,
  port: number,
  family: 4 | 6,
  fd: null,
  flags: number,
) => Bound | number;

/**
 * Binds a TCP socket without accepting from it, so that it can be handed to other processes: `Server.listen` would accept.
 *
 * @returns The socket, for `Server.listen` and `ChildProcess.send`.
 * @throws {Error} With node's `code` if it cannot, and where this version of Deno has no such sockets.
 */
export function bindSocket(address: string, port: number, family: 4 | 6): object {
  const create =
    (builtin("node:net") as { _createServerHandle?: CreateServerHandle })._createServerHandle;
  if (!create) throw new Error("this version of Deno cannot share a socket (use 2.9.6)");
  const fail = (code: string): never => {
    throw Object.assign(new Error(`bind ${code} ${address}:${port}`), { code });
  };
  const handle = create(address, port, family, null, 0);
  if (typeof handle === "number") return fail(builtin("node:util").getSystemErrorName(handle));
  const name: { port?: number } = {};
  handle.getsockname(name);
  if (name.port) return handle;
  // libuv tells of a port that is in use only when the socket listens.
  handle.close();
  return fail("EADDRINUSE");
}

/**
 * Has a listening server accept again, whose `accept` has failed for want of a file descriptor: `node:net` never tries again
 * by itself. Needs no descriptor, and changes nothing on a server that accepts or is closed. Deno 2.4, which compiled
 * programs may have, tries again by itself and refuses this.
 */
export function acceptAgain(server: Server): void {
  const { _handle: handle } = server as { _handle?: { listen?(backlog: number): number } | null };
  handle?.listen?.(BACKLOG);
}

/** Allows the process to exit while a worker runs, which Deno itself supports for `node:worker_threads` only. */
export function unrefWorker(worker: Worker): void {
  for (const key of unrefSymbols(Worker.prototype)) {
    (worker as unknown as Record<symbol, (ref: boolean) => void>)[key]!(false);
  }
}

/** Finds the symbol of the method that unrefs: it is the one of a Worker without a description. */
function unrefSymbols(prototype: object): symbol[] {
  return Object.getOwnPropertySymbols(prototype).filter((key) =>
    key.description === undefined && typeof Reflect.get(prototype, key) === "function"
  );
}
