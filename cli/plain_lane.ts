import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { PlainExchange } from "./plain_exchange.ts";
import { type PlainRequest, readPlainRequest } from "./wire_plain.ts";

/** Bytes that a client may send ahead while its request is answered. */
const MOST_AHEAD = 64 * 1024;
/** No method is longer. */
const MOST_METHOD = 16;
/** How a request begins, or the first bytes of one. */
const BEGINNING = /^[\r\n]*[A-Z-]*( |$)/;

/** What a {@linkcode PlainLane} asks of the listener. */
export interface PlainHandler {
  /** Answers a request; `onClosed` is called when its response has gone out, or never will. */
  serve(request: PlainRequest, onClosed: (exchange: PlainExchange) => void): void;
  /** Takes the connection over: the bytes are the first that it has not seen. */
  leave(first: Buffer): void;
}

/**
 * A connection of plain requests, one after another, which most are: they cost half of what node's HTTP takes for them.
 * With the first bytes that are anything else it becomes node's for good.
 */
export class PlainLane {
  readonly #socket: Socket;
  readonly #handler: PlainHandler;
  readonly #ahead: Buffer[] = [];
  #aheadBytes = 0;
  #busy = false;

  constructor(socket: Socket, handler: PlainHandler) {
    this.#socket = socket;
    this.#handler = handler;
    socket.on("data", this.#take);
    socket.on("end", this.#end);
    socket.on("error", ignore); // its close is what counts
  }

  readonly #take = (chunk: Buffer): void => {
    if (this.#busy) return this.#keep(chunk);
    const request = readPlainRequest(chunk);
    if (!request) return this.#leave(chunk);
    this.#busy = true;
    this.#handler.serve(request, this.#next);
  };

  /** Keeps what comes ahead for its turn; what cannot become a request cuts the connection, as with node. */
  #keep(chunk: Buffer): void {
    if (!this.#ahead.length && !BEGINNING.test(chunk.toString("latin1", 0, MOST_METHOD))) {
      return void this.#socket.destroy();
    }
    this.#ahead.push(chunk);
    this.#aheadBytes += chunk.length;
    if (this.#aheadBytes > MOST_AHEAD) this.#socket.pause();
  }

  readonly #next = (last: PlainExchange): void => {
    this.#busy = false;
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (!last.keepsAlive) return socket.destroySoon();
    if (!this.#ahead.length) return;
    const chunk = Buffer.concat(this.#ahead.splice(0));
    this.#aheadBytes = 0;
    socket.resume();
    this.#take(chunk);
  };

  /** As node's server does: who ends his side gets no more. */
  readonly #end = (): void => void this.#socket.end();

  #leave(first: Buffer): void {
    this.#socket.off("data", this.#take);
    this.#socket.off("end", this.#end);
    this.#socket.off("error", ignore);
    this.#handler.leave(first);
  }
}

function ignore(): void {}
