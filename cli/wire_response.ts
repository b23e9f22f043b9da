import {
  type ServerResponse,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from "node:http";
import { setImmediate } from "node:timers";
import { type ByteSource, discard, isWhole, type Payload } from "../service/bytes.ts";
import type { ResponseHead } from "../service/exchange.ts";
import { HeaderList } from "../service/headers.ts";
import { type Asked, type BodyFraming, frame } from "./wire_framing.ts";

/** Writes one response to its socket and counts the bytes of its body. */
export class ResponseWriter {
  readonly #response: ServerResponse;
  readonly #asked: Asked;
  /** Status of the head that was written; 0 before that. */
  status = 0;
  /** Bytes of the body that were given to the socket. */
  bytes = 0;
  /** Whether the head is on its way: nothing may go ahead of it any more. */
  begun = false;
  #source: ByteSource | undefined;

  constructor(response: ServerResponse, asked: Asked) {
    this.#response = response;
    this.#asked = asked;
  }

  /** Writes a 1xx head now. */
  inform(head: ResponseHead): void {
    let text = `HTTP/1.1 ${head.status} ${STATUS_CODES[head.status] ?? ""}\r\n`;
    for (const [name, value] of head.headers) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
      text += `${name}: ${value}\r\n`;
    }
    // Node's own writeInformation takes an object: no repeats. This is what it is made of.
    (this.#response as unknown as RawWriter)._writeRaw(text + "\r\n", "latin1");
  }

  /** Writes the response, at once or as its body arrives. */
  send(head: ResponseHead, body: Payload): void {
    const whole = isWhole(body);
    const framing = this.#writeHead(head, whole ? body.length : undefined);
    if (!framing) return cancel(body, "The response's head could not be written");
    this.begun = whole || framing.kind === "none";
    if (whole) this.#sendWhole(body, framing);
    else if (framing.kind === "none") this.#sendNothing(body);
    else void this.#stream(body, framing.kind === "length" ? framing.length : Infinity);
  }

  /** Stops a body that is still arriving, when nobody receives it any more. */
  abandon(reason: Error): void {
    this.#source?.cancel(reason);
    this.#source = undefined;
  }

  /** Writes the head, or a 500 in its place if node cannot; then there is no framing to answer. */
  #writeHead(head: ResponseHead, length: number | undefined): BodyFraming | undefined {
    try {
      if (!(head.status >= 200 && head.status <= 999)) {
        throw new RangeError(`${head.status} is not the status of a final response`);
      }
      const { raw, body } = frame(head, length, this.#asked);
      this.#response.writeHead(head.status, STATUS_CODES[head.status] ?? "", raw as string[]);
      this.status = head.status;
      return body;
    } catch (error) {
      this.#response.chunkedEncoding = false; // the failed head may have said so
      const text = `Cannot send the response: ${error instanceof Error ? error.message : error}\n`;
      this.send(plain(500), new TextEncoder().encode(text));
      return undefined;
    }
  }

  #sendWhole(bytes: Uint8Array, framing: BodyFraming): void {
    if (framing.kind === "none" || bytes.length === 0) return void this.#response.end();
    this.bytes = bytes.length;
    // Bytes, not text: node would encode the head together with it, as UTF-8.
    this.#response.end(bytes);
  }

  #sendNothing(source: ByteSource): void {
    this.#response.end();
    void discard(source); // a guest that goes on writing is not told of HEAD
  }

  /** Hands on each piece as it comes; a body that fails or is shorter than declared cuts the connection. */
  async #stream(source: ByteSource, left: number): Promise<void> {
    const response = this.#response;
    this.#source = source;
    response.on("error", ignore); // a write that lost a race with the client's leaving
    try {
      for (let first = true;; first = false) {
        let chunk = source.read();
        this.begun = true;
        if (chunk instanceof Promise) {
          if (first) response.flushHeaders();
          chunk = await chunk;
        }
        if (!this.#source) return;
        if (chunk && left <= 0) source.cancel(new Error("The body is longer than declared"));
        if (!chunk || left <= 0) break;
        if (chunk.length > left) chunk = chunk.subarray(0, left);
        left -= chunk.length;
        this.bytes += chunk.length;
        if (!response.write(chunk)) await room(response);
        if (!this.#source) return;
      }
      if (Number.isFinite(left) && left > 0) throw new Error("The body is shorter than declared");
      this.#source = undefined;
      this.#finish(source);
    } catch (error) {
      this.#source = undefined;
      source.cancel(error);
      cut(response, response.chunkedEncoding || left !== Infinity);
    }
  }

  #finish(source: ByteSource): void {
    const trailers = source.trailers;
    if (trailers?.size && this.#response.chunkedEncoding) {
      this.#response.addTrailers([...trailers]);
    }
    this.#response.end();
  }
}

interface RawWriter {
  _writeRaw(text: string, encoding: "latin1"): boolean;
}

function plain(status: number): ResponseHead {
  return { status, headers: new HeaderList(["Content-Type", "text/plain; charset=utf-8"]) };
}

function cancel(body: Payload, why: string): void {
  if (!isWhole(body)) body.cancel(new Error(why));
}

/** Resolves when the socket takes more, or takes nothing any more. */
function room(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

/**
 * Ends the connection so that the client knows its message is not complete.
 *
 * @param framed Whether it knows from the message itself; else only a reset tells.
 */
function cut(response: ServerResponse, framed: boolean): void {
  const { socket } = response;
  if (socket && !framed) socket.resetAndDestroy();
  else setImmediate(() => response.destroy()); // what is written by now still goes out
}

function ignore(): void {}
