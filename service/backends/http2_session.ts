import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../util/clock.ts";
import type { Connector } from "./connector.ts";
import { SendError } from "../errors.ts";
import type { PoolRules } from "./http1_pool.ts";
import type { Timeouts } from "./network_request.ts";
import { builtin } from "../util/builtins.ts";
import { InputGate } from "../util/input_gate.ts";
import {
  allowEmptyServerName,
  checkNodeInternals,
  stopReadsWhilePaused,
  watchInput,
} from "../util/node_internals.ts";
import { toSendError } from "./send_errors.ts";

/** Maximum number of concurrent requests on one connection; the backend may allow fewer. */
const MAX_STREAMS = 100;
/** Flow-control window of a stream, in bytes (RFC 9113, section 6.9). */
const STREAM_WINDOW = 256 * 1024;

/** Error for a backend that has selected HTTP/1.1 by ALPN, with the open connection. */
export class NotHttp2 extends Error {
  override name = "NotHttp2";
  #socket: Socket | undefined;

  constructor(socket: Socket) {
    super("The backend chose HTTP/1.1");
    this.#socket = socket;
  }

  /** Returns the connection to the first of the requests that have waited for it; undefined to the others. */
  takeSocket(): Socket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    return socket;
  }
}

/** One HTTP/2 connection, for several requests at the same time. */
export class Http2Session {
  readonly socket: Socket;
  /** Called when a request, or the connection, has ended. */
  onChange: () => void = () => {};
  readonly #session: ClientHttp2Session;
  readonly #rules: PoolRules;
  readonly #clock: Clock;
  readonly #since: number;
  #uses = 0;
  #streams = 0;
  #idleSince: number;
  #going: { readonly code: number } | undefined;
  #lost: Error | undefined;
  #ended = false;

  constructor(socket: Socket, rules: PoolRules, clock: Clock) {
    this.#clock = clock;
    this.#since = this.#idleSince = clock.elapsed();
    this.socket = socket;
    this.#rules = rules;
    socket.on("error", (error) => this.#lost ??= error);
    socket.on("end", () => this.#ended = true);
    socket.setNoDelay(true);
    allowEmptyServerName(socket);
    if ("encrypted" in socket) stopReadsWhilePaused(socket as TLSSocket);
    // Paused within a read, `node:http2` would push the end of a stream only when the connection has forgotten it: the
    // response would be taken for one that was cut.
    const pause = () => queueMicrotask(() => socket.pause());
    const gate = new InputGate({ pause, resume: () => socket.resume() });
    watchInput(socket, (chunk, read) => gate.pass(chunk, read));
    // The authority is used for origin sets alone, which nothing reads.
    const session = this.#session = builtin("node:http2").connect("http://backend", {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    });
    session.on("error", (error) => this.#lost ??= error);
    session.on("goaway", (code) => {
      this.#going = { code };
      this.#closeIfDone();
    });
    session.on("close", () => this.onChange());
  }

  /** Resolves when the backend's SETTINGS have arrived; rejects with a `SendError` if the connection closes before. */
  greeted(name: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#session.once("remoteSettings", () => {
      // A stream without a reader must not block the others.
      this.#session.setLocalWindowSize(MAX_STREAMS * STREAM_WINDOW);
      resolve();
    });
    this.#session.once("close", () => reject(this.reason(name)));
    return promise;
  }

  get open(): boolean {
    return !this.#session.destroyed && !this.#session.closed && !this.#going;
  }

  get idle(): boolean {
    return this.#streams === 0;
  }

  /** Whether it can ever carry another request. It can always carry its first, however short its lifetime. */
  get lasts(): boolean {
    if (this.#uses === 0) return this.open;
    const { uses, lifetime, idle } = this.#rules;
    const now = this.#clock.elapsed();
    return this.open && this.#uses < uses && now - this.#since < lifetime &&
      (!this.idle || now - this.#idleSince < idle);
  }

  /** Whether it can carry another request now. */
  get free(): boolean {
    const { maxConcurrentStreams = MAX_STREAMS } = this.#session.remoteSettings;
    return this.lasts && this.#streams < Math.min(MAX_STREAMS, maxConcurrentStreams);
  }

  /** Whether it has carried a request before the latest one. */
  get reused(): boolean {
    return this.#uses > 1;
  }

  /** Reserves it for one request, until {@linkcode Http2Session.release}. */
  reserve(): void {
    this.#uses++;
    if (this.#streams++ === 0) this.#session.ref();
  }

  release(): void {
    if (--this.#streams > 0) return this.onChange();
    this.#idleSince = this.#clock.elapsed();
    if (!this.#session.destroyed) this.#session.unref();
    this.#closeIfDone();
    this.onChange();
  }

  request(...args: Parameters<ClientHttp2Session["request"]>): ClientHttp2Stream {
    return this.#session.request(...args);
  }

  /** Returns why a stream has ended before its end. */
  reasonOf(stream: ClientHttp2Stream, name: string): SendError {
    return this.faultOf(stream, name) ?? this.reason(name);
  }

  /** Returns the error that the backend sent for a stream or for the connection; undefined if it sent none. */
  faultOf({ rstCode }: ClientHttp2Stream, name: string): SendError | undefined {
    if (this.#going?.code) return faulty(name, 7, this.#going.code);
    const lost = this.#ended || this.#lost || this.#session.destroyed;
    return rstCode && !lost ? faulty(name, 3, rstCode) : undefined;
  }

  close(): void {
    this.#session.destroy();
  }

  #closeIfDone(): void {
    if (this.idle && !this.lasts && !this.#session.destroyed) this.#session.close();
  }

  /** Returns why the connection has ended. */
  reason(name: string): SendError {
    if (this.#going?.code) return faulty(name, 7, this.#going.code);
    if (this.#lost && !String(Reflect.get(this.#lost, "code")).startsWith("ERR_HTTP2_")) {
      return toSendError(this.#lost, name);
    }
    return this.#ended
      ? toSendError(Object.assign(new Error("closed"), { code: "ECONNRESET" }), name)
      : new SendError(
        "http_protocol_error",
        `Cannot get a response from ${name}: what it sends is not HTTP/2`,
        { cause: this.#lost },
      );
  }
}

/**
 * Opens an HTTP/2 connection.
 *
 * @param timeouts `connect` is the time limit until the backend's SETTINGS have arrived.
 * @param fallback Whether HTTP/1.1 is offered by ALPN, too.
 * @param signal Aborts when nobody waits for the connection any more.
 * @throws {NotHttp2} If the backend has chosen HTTP/1.1.
 * @throws {SendError} If the connection fails.
 */
export async function openHttp2(
  connector: Connector,
  rules: PoolRules,
  { connect: ms, stallClock }: Timeouts,
  fallback: boolean,
  signal: AbortSignal,
): Promise<Http2Session> {
  checkNodeInternals("HTTP/2 to backends");
  const { name, secure } = connector;
  const socket = connector.open(fallback ? ["h2", "http/1.1"] : ["h2"]);
  const giveUp = () => void socket.destroy();
  signal.addEventListener("abort", giveUp);
  let late = false;
  const cancel = ms === undefined ? undefined : stallClock.after(ms, () => {
    late = true;
    socket.destroy();
  });
  try {
    if (secure) await handshake(socket as TLSSocket);
    if (secure && (socket as TLSSocket).alpnProtocol !== "h2") refuseHttp1(socket, name, fallback);
    const session = new Http2Session(socket, rules, stallClock.clock);
    await session.greeted(name);
    return session;
  } catch (error) {
    if (error instanceof NotHttp2) throw error;
    socket.destroy();
    if (!late) throw toSendError(error, name);
    const message =
      `Cannot get a response from ${name}: the connection did not stand within ${ms} ms`;
    throw new SendError("connection_timeout", message, { cause: error });
  } finally {
    cancel?.();
    signal.removeEventListener("abort", giveUp);
  }
}

function handshake(socket: TLSSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("secureConnect", resolve);
  socket.on("error", reject);
  socket.once("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
  return promise;
}

function refuseHttp1(socket: Socket, name: string, fallback: boolean): never {
  if (fallback) throw new NotHttp2(socket);
  const message = `Cannot get a response from ${name}: it does not speak HTTP/2`;
  throw new SendError("http_protocol_error", message);
}

const FRAMES: Readonly<Record<number, string>> = { 3: "RST_STREAM", 7: "GOAWAY" };

function faulty(name: string, frame: number, code: number): SendError {
  const word =
    Object.entries(builtin("node:http2").constants).find(([key, value]) =>
      value === code && ERROR_NAMES.test(key)
    )?.[0]
      .replace("NGHTTP2_", "") ?? `error ${code}`;
  return new SendError(
    "h2_error",
    `Cannot get a response from ${name}: it sent ${FRAMES[frame]} with ${word}`,
    { http2: { frame, code } },
  );
}

/** The error codes of RFC 9113, section 7, among `node:http2`'s constants. */
const ERROR_NAMES =
  /^NGHTTP2_(NO_ERROR|(PROTOCOL|INTERNAL|FLOW_CONTROL|FRAME_SIZE|COMPRESSION|CONNECT)_ERROR|SETTINGS_TIMEOUT|STREAM_CLOSED|REFUSED_STREAM|CANCEL|ENHANCE_YOUR_CALM|INADEQUATE_SECURITY|HTTP_1_1_REQUIRED)$/;
