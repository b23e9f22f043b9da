import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { setImmediate } from "node:timers";
import type { ClientFacts } from "../../service/http/exchange.ts";
import { builtin } from "../../service/util/builtins.ts";
import { InputGate } from "../../service/util/input_gate.ts";
import { afterOthers } from "../../service/util/turns.ts";
import { watchInput } from "../../service/util/node_internals.ts";
import type { ByteStream } from "../byte_stream.ts";
import type { ConnectionOptions } from "../connection_options.ts";
import type { OpenConnection } from "../connections.ts";
import { linger } from "../linger.ts";
import { deferEnd } from "./deferred_end.ts";
import { FrameWatch } from "./frame_watch.ts";
import { Http2Stream, type StreamContext } from "./http2_stream.ts";
import { Http2Opening } from "./opening.ts";
import { ResetBudget } from "./reset_budget.ts";

/** Flow-control window of a stream, in bytes: content that a client may send ahead of its reader. */
const STREAM_WINDOW = 256 * 1024;
/** Maximum number of fields of one head, above `limits.header_count`, which the service checks. */
const MAX_FIELDS = 20_000;

/** Whether this version of Deno can serve HTTP/2 over a connection that `node:http2` has not accepted itself. */
export function speaksHttp2(): boolean {
  return typeof builtin("node:http2").performServerHandshake === "function";
}

/**
 * Multiple of the limit on a head's bytes beyond which the connection is closed, not only the request refused: HPACK
 * expands some kilobytes a thousandfold (RFC 7541, section 7.3), and a client that has not acknowledged SETTINGS is not
 * bound by the size that they allow.
 */
const HUGE_HEADS = 2;

/** Time for which nothing is written to a client that has closed its sending side until its connection is cut. */
const LEAVING_MILLIS = 250;
const LEFT = "The client has left before its response was complete";

/** An HTTP/2 connection (RFC 9113): one exchange per stream. */
export class Http2Connection implements OpenConnection {
  readonly stream: ByteStream;
  since: number;
  readonly #options: ConnectionOptions;
  readonly #session: ServerHttp2Session;
  readonly #streams = new Set<Http2Stream>();
  readonly #context: StreamContext;
  readonly #resets: ResetBudget;
  readonly #opening = new Http2Opening();
  /** Facts of the client, with its HTTP/2 fingerprint from the first request on. */
  #facts: ClientFacts;
  /** Streams of this turn, whose requests start at its end. */
  #arrived: Http2Stream[] = [];
  #fresh = true;
  /** Whether the connection is being closed, for too many resets, too large a head or a frame that is an error. */
  #calmed = false;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  constructor(stream: ByteStream, client: ClientFacts, options: ConnectionOptions) {
    this.stream = stream;
    this.since = options.clock.round;
    this.#options = options;
    this.#resets = new ResetBudget(options.http2.resets);
    this.#facts = client;
    this.#context = this.#contextFor();
    this.#watchFrames();
    stream.on("error", () => {}); // `close` follows
    stream.on("end", () => this.#waitForWrites());
    stream.on("close", () => {
      clearTimeout(this.#leaving);
      if (!this.#session.destroyed) this.#session.destroy();
      options.closed(stream);
    });
    const session = this.#session = builtin("node:http2").performServerHandshake(stream, {
      settings: {
        maxConcurrentStreams: options.http2.streams,
        initialWindowSize: STREAM_WINDOW,
        maxHeaderListSize: HUGE_HEADS * options.bounds.headBytes,
        enableConnectProtocol: true,
      },
      maxHeaderListPairs: MAX_FIELDS,
      ...{ strictSingleValueFields: false },
    });
    deferEnd(session);
    session.on("error", () => {}); // `close` follows
    session.on("close", () => stream.destroyed || linger(stream));
    session.on("stream", this.#onStream);
    // The window of the connection is that of all streams together: one without a reader does not block the others.
    session.setLocalWindowSize(options.http2.streams * STREAM_WINDOW);
  }

  /** Kind of wait: for the first request (`head`) or a later one (`next`); undefined while a request is open. */
  get awaits(): "head" | "next" | undefined {
    if (this.#streams.size) return undefined;
    return this.#fresh ? "head" : "next";
  }

  /** Sends GOAWAY: requests that have arrived are answered, later ones are for another connection (RFC 9113, section 6.8). */
  retire(): void {
    if (!this.#session.destroyed && !this.#session.closed) this.#session.close();
  }

  closeIdle(): void {
    this.retire();
  }

  expire(): void {
    this.retire();
  }

  checkProgress(max: number): void {
    for (const stream of this.#streams) stream.checkProgress(max);
  }

  cut(reason: Error): void {
    this.#drop(reason);
    this.stream.destroy();
  }

  /**
   * Ends the connection of a client that has closed its sending side, once nothing was written for a moment: what it has been
   * given arrives. `node:http2` would wait until it could write again, which is never if a window is used up.
   */
  #waitForWrites(): void {
    const { bytesWritten } = this.stream;
    const look = () => {
      if (this.stream.destroyed) return;
      if (this.stream.bytesWritten === bytesWritten) this.cut(new Error(LEFT));
      else this.#waitForWrites();
    };
    // Behind what waits for its turn, as this may be late itself.
    this.#leaving = setTimeout(() => afterOthers(look), LEAVING_MILLIS);
  }

  /** Ends the session and its requests. The connection lingers, so that what was written to it arrives. */
  #drop(reason: Error): void {
    for (const stream of this.#streams) stream.cut(reason);
    if (!this.#session.destroyed) this.#session.destroy();
  }

  /** Collects the requests of one turn, which start at its end: one that is reset in the same turn starts no guest. */
  readonly #onStream = (
    stream: ServerHttp2Stream,
    _: unknown,
    flags: number,
    raw: readonly string[] = [],
  ): void => {
    if (this.#isHuge(raw)) {
      stream.on("error", () => {});
      return this.#endAtOnce("sent a head far beyond the limit (see --limit header_bytes)");
    }
    if (this.#fresh) {
      this.#fresh = false;
      this.#facts = { ...this.#facts, h2Fingerprint: this.#opening.fingerprint(raw) };
    }
    const arrived = new Http2Stream(stream, raw, flags, this.#context);
    this.#streams.add(arrived);
    if (this.#streams.size > this.#options.http2.streams) {
      return void stream.close(builtin("node:http2").constants.NGHTTP2_REFUSED_STREAM);
    }
    this.#arrived.push(arrived);
    if (this.#arrived.length === 1) setImmediate(this.#startArrived);
  };

  #isHuge(raw: readonly string[]): boolean {
    const max = HUGE_HEADS * this.#options.bounds.headBytes;
    let bytes = 0;
    for (const text of raw) if ((bytes += text.length) > max) return true;
    return false;
  }

  #endAtOnce(why: string): void {
    if (!this.#calmed) this.#options.trouble(`A connection was closed: its client has ${why}`);
    this.#calmed = true;
    this.cut(new Error("The client asks for too much"));
  }

  readonly #startArrived = (): void => {
    for (const stream of this.#arrived.splice(0)) {
      if (!this.#calmed && this.#streams.has(stream)) stream.start();
    }
  };

  /** Reads frames along: those that wait in the stream already, and later ones as they arrive. */
  #watchFrames(): void {
    const watch = new FrameWatch();
    let opens = true;
    const see = (chunk: Uint8Array): boolean => {
      if (opens) opens = this.#opening.add(chunk);
      const error = watch.read(chunk);
      if (error === undefined) return true;
      setImmediate(() => this.#end(error, "The client has sent a frame that is an error"));
      return false;
    };
    const begun: Uint8Array | null = this.stream.read();
    let goesOn = !begun || see(begun);
    if (begun) this.stream.unshift(begun);
    const gate = new InputGate(this.stream);
    const handle = (chunk: Uint8Array, read: () => void) => {
      if (goesOn) goesOn = see(chunk);
      read();
    };
    watchInput(this.stream, (chunk, read) => gate.pass(chunk, () => handle(chunk, read)));
  }

  #contextFor(): StreamContext {
    const { scheme, bounds, serve, refused, stalled } = this.#options;
    const { serverAddress: address, serverPort } = this.#facts;
    const facts = () => this.#facts;
    const isOver = () => this.#calmed || this.#session.destroyed || this.stream.destroyed;
    return {
      scheme,
      bounds,
      get client() {
        return facts();
      },
      authority: address.includes(":") ? `[${address}]:${serverPort}` : `${address}:${serverPort}`,
      serve,
      refused,
      stalled,
      closed: (stream, reset) => {
        this.#streams.delete(stream);
        if (!this.#streams.size) this.since = this.#options.clock.round;
        if (reset && !isOver() && !this.#resets.spend()) {
          this.#calm();
        }
      },
    };
  }

  /** Closes the connection with ENHANCE_YOUR_CALM, since its client has reset too many requests (RFC 9113, section 7). */
  #calm(): void {
    const { resets } = this.#options.http2;
    this.#options.trouble(
      `A connection was closed: its client has reset ${resets} requests in quick succession ` +
        "(see --limit http2_resets)",
    );
    this.#end(
      builtin("node:http2").constants.NGHTTP2_ENHANCE_YOUR_CALM,
      "The client resets too many requests",
    );
  }

  /** Sends GOAWAY with an error code, and closes the connection: requests that have not started yet are not started. */
  #end(code: number, reason: string): void {
    this.#calmed = true;
    if (!this.#session.destroyed) this.#session.goaway(code);
    setImmediate(() => this.#drop(new Error(reason)));
  }
}
