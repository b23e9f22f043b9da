import type { ServerHttp2Stream } from "node:http2";
import {
  type ByteSource,
  discard,
  isWhole,
  type Payload,
  wholeSource,
} from "../../service/http/bytes.ts";
import type { ResponseHead } from "../../service/http/exchange.ts";
import { hasNoContent } from "../../service/http/framing.ts";
import { frameForHttp1 } from "../../service/http/http1_framing.ts";
import type { ExchangeWriter } from "../exchange.ts";
import { roomOf } from "../room_of.ts";
import { http2Fields, toObject } from "./response_fields.ts";
import { builtin } from "../../service/util/builtins.ts";

/** Maximum size of one write, in bytes: a client's progress shows only once a write was accepted as a whole. */
const MAX_WRITE = 64 * 1024;
/** Number of writes that the connection has not taken, above which the next one waits: small ones take much memory. */
const MAX_UNSENT = 64;
/** Bytes of informational heads that the connection may not have taken, from which on more are left out. */
const MAX_HINTS = 64 * 1024;

/** Form of `ServerHttp2Stream.respond` that takes fields as a list, which keeps their order. */
type Respond = (
  fields: readonly string[],
  options: { endStream?: boolean; waitForTrailers?: boolean },
) => void;

/** Writes the response of one stream in HTTP/2 (RFC 9113, section 8.1), and counts the bytes of its content. */
export class Http2ResponseWriter implements ExchangeWriter {
  status = 0;
  bytes = 0;
  /** Bytes of content that the connection has taken. */
  taken = 0;
  /** Whether the whole response was written, its trailers included; the client may still have to take it. */
  ended = false;
  /** Called when the trailers were written; the stream has no event for that. */
  onTrailers: (() => void) | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #toHead: boolean;
  readonly #isWebSocket: boolean;
  #source: ByteSource | undefined;
  /** Number of writes that the connection has not taken. */
  #unsent = 0;
  /** Bytes of informational heads since the connection had taken all frames. */
  #hints = 0;

  /**
   * @param toHead Whether the request's method is HEAD.
   * @param isWebSocket Whether the request opens a WebSocket.
   */
  constructor(stream: ServerHttp2Stream, toHead: boolean, isWebSocket: boolean) {
    this.#stream = stream;
    this.#toHead = toHead;
    this.#isWebSocket = isWebSocket;
  }

  /** Whether the final head was written. */
  get begun(): boolean {
    return this.#stream.headersSent;
  }

  /**
   * Writes an informational head; leaves it out while the client has not taken 64 KiB of earlier ones. Flow control does not
   * cover heads.
   *
   * @throws {TypeError} If a name or a value cannot be written.
   */
  inform({ status, headers }: ResponseHead): void {
    const fields = http2Fields(headers);
    if (this.#stream.destroyed || this.begun || status === 101) return;
    if (this.#hints > MAX_HINTS) {
      if (this.#stream.session?.state.outboundQueueSize !== 0) return;
      this.#hints = 0;
    }
    for (const text of fields) this.#hints += text.length;
    this.#stream.additionalHeaders({ ":status": status, ...toObject(fields) });
  }

  /** Sends `100 Continue`, for which a client waits before it sends its content. */
  grant(): void {
    if (!this.#stream.destroyed && !this.begun) this.#stream.additionalHeaders({ ":status": 100 });
  }

  send(head: ResponseHead, body: Payload): void {
    if (!(head.status >= 200 && head.status <= 599)) {
      throw new RangeError(`${head.status} is not a status that HTTP/2 can send here: 200 to 599`);
    }
    const sent = this.#isWebSocket && head.status < 300 ? refusal(head) : head;
    const empty = hasNoContent(sent.status, this.#toHead) || sent.status === 205;
    const length = isWhole(body) ? body.length : undefined;
    const framing = frameForHttp1(sent, length, { toHead: this.#toHead, chunks: true });
    const fields = [":status", String(sent.status), ...http2Fields(sent.headers, framing.dropped)];
    const [, added] = /^Content-Length: (\d+)/.exec(framing.added) ?? [];
    if (added) fields.push("content-length", added);
    const noContent = empty || length === 0;
    const respond = this.#stream.respond.bind(this.#stream) as unknown as Respond;
    if (!this.#stream.destroyed) {
      respond(fields, { endStream: noContent, waitForTrailers: !noContent && !isWhole(body) });
    }
    this.status = sent.status;
    const max = framing.framing.kind === "length" ? framing.framing.length : Infinity;
    if (noContent) {
      this.ended = true;
      return void discard(body);
    }
    void this.#sendContent(isWhole(body) ? wholeSource(body) : body, max, !isWhole(body));
  }

  abandon(reason: Error): void {
    this.#source?.cancel(reason);
    this.#source = undefined;
  }

  cut(reason: Error): void {
    this.abandon(reason);
    this.#stream.close(builtin("node:http2").constants.NGHTTP2_CANCEL);
  }

  /** Writes each piece of the content as it comes, no faster than the client takes it. */
  async #sendContent(source: ByteSource, max: number, trailers: boolean): Promise<void> {
    this.#source = source;
    let left = max;
    try {
      for (let next; left > 0 && (next = await source.read());) {
        if (!this.#source) return;
        const piece: Uint8Array = next.length > left ? next.subarray(0, left) : next;
        left -= piece.length;
        for (let at = 0; at < piece.length; at += MAX_WRITE) {
          const room = this.#write(piece.subarray(at, at + MAX_WRITE));
          if (room) await room;
          if (!this.#source) return;
        }
      }
      if (left > 0 && left < Infinity) throw new Error("The content is shorter than declared");
      this.#source = undefined;
      if (left === 0) {
        source.cancel(new Error("The content is longer than declared, or at its end"));
      }
      if (trailers) this.#sendTrailers(source);
      else this.ended = true;
      this.#stream.end();
    } catch (error) {
      if (!this.#source) return;
      this.#source = undefined;
      source.cancel(error);
      this.#stream.close(builtin("node:http2").constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  /** Writes a piece; returns a promise if the client must take some of it before the next. */
  #write(piece: Uint8Array): Promise<void> | undefined {
    const stream = this.#stream;
    if (stream.destroyed) return roomOf(stream); // it closes, which cancels the source
    this.bytes += piece.length;
    const sent = ++this.#unsent > MAX_UNSENT ? Promise.withResolvers<void>() : undefined;
    const room = stream.write(piece, () => {
      this.taken += piece.length;
      this.#unsent--;
      sent?.resolve();
    });
    return room ? sent?.promise : roomOf(stream);
  }

  #sendTrailers(source: ByteSource): void {
    const { trailers } = source;
    const fields = trailers?.size ? toObject(http2Fields(trailers)) : {};
    this.#stream.once("wantTrailers", () => {
      try {
        this.#stream.sendTrailers(fields);
        this.ended = true;
        this.onTrailers?.();
      } catch {
        this.#stream.close(builtin("node:http2").constants.NGHTTP2_INTERNAL_ERROR);
      }
    });
  }
}

/**
 * Returns a 501 in place of a 2xx that is no 101: in response to CONNECT it would open the WebSocket (RFC 8441, section
 * 5).
 */
function refusal({ headers }: ResponseHead): ResponseHead {
  return { status: 501, headers };
}
