import type { IncomingMessage } from "node:http";
import { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The connection of a request that asks to change protocols: `node:http` has nothing more to do with it. */
export class UpgradeSocket {
  /** For a client that is answered in HTTP after all; the connection closes then. */
  readonly response: ServerResponse;
  readonly #socket: Socket;

  /** @param rest What has come behind the request. */
  constructor(request: IncomingMessage, socket: Socket, rest: Uint8Array) {
    const response = this.response = new ServerResponse(request);
    this.#socket = socket;
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on("finish", this.#finish);
    socket.on("error", ignore); // its close is what counts
    socket.on("drain", this.#drain);
    socket.on("end", this.#leave);
    socket.on("readable", this.#look);
    if (rest.length) socket.unshift(rest);
  }

  /** Gives the connection up, with what has come on it. */
  release(): Socket {
    const socket = this.#socket;
    this.response.detachSocket(socket);
    this.response.off("finish", this.#finish);
    socket.off("drain", this.#drain);
    socket.off("end", this.#leave);
    socket.off("readable", this.#look);
    return socket;
  }

  readonly #finish = () => {
    this.response.detachSocket(this.#socket);
    this.#socket.destroySoon();
  };

  readonly #drain = () => void this.response.emit("drain");

  /** A client that leaves shows only to who reads; what it has sent stays. */
  readonly #look = () => {
    if (this.#socket.readableLength === 0) this.#socket.read();
  };

  readonly #leave = () => void this.#socket.destroy();
}

function ignore(): void {}
