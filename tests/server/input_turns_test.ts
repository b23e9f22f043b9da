import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import { HttpServer, type Protocol } from "../../server/http_server.ts";
import type { Connector } from "../../service/backends/connector.ts";
import { Http1Connection } from "../../service/backends/http1_connection.ts";
import { Http2Session } from "../../service/backends/http2_session.ts";
import { machineClock } from "../../service/util/clock.ts";
import { assert } from "../assert.ts";
import { frame, hello, number, settings, TYPE } from "./http2/frames.ts";
import { answerText } from "./wire.ts";

/** Bytes of a flood: handling them takes many times the share of a connection. */
const MANY = 4 * 2 ** 20;

/** Has the clock go on by half a millisecond each time that it is read, so that no machine handles a chunk in less. */
function slowClock(): Disposable {
  const { elapsed } = machineClock;
  let reads = 0;
  machineClock.elapsed = () => elapsed() + reads++ / 2;
  return { [Symbol.dispose]: () => void (machineClock.elapsed = elapsed) };
}

/** Counts the bytes of a socket, and the pauses that it makes for others. */
class Flood {
  pauses = 0;
  #left = MANY;
  readonly #come = Promise.withResolvers<void>();

  add(bytes: number): void {
    this.#left -= bytes;
    if (this.#left <= 0) this.#come.resolve();
  }

  watch(socket: Socket): Socket {
    return socket.on("pause", () => this.pauses++);
  }

  /** Checks that the socket has paused by the time all bytes have come. */
  async check(): Promise<void> {
    await this.#come.promise;
    assert(this.pauses > 1, `${this.pauses} pauses`);
  }
}

/** Returns the bytes again and again. */
function many(bytes: Uint8Array): Uint8Array {
  return Buffer.concat(Array(Math.ceil(MANY / bytes.length)).fill(bytes));
}

/** A listener whose connections go to `accept`. */
async function listening(accept: (socket: Socket) => void) {
  const server = createServer(accept);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

const CHUNK = "1\r\na\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const WINDOW = frame(TYPE.window, 0, 0, number(1));

/** Clients by what they send without a pause. */
const CLIENTS: readonly (readonly [string, Protocol, Uint8Array, Uint8Array])[] = [
  ["chunks of one byte", "http/1.1", Buffer.from(POST), many(Buffer.from(CHUNK))],
  ["small frames of HTTP/2", "h2", hello(), many(WINDOW)],
];

for (const [what, protocol, first, rest] of CLIENTS) {
  Deno.test(`a client that sends ${what} without a pause leaves others their turns`, async () => {
    using _clock = slowClock();
    const flood = new Flood();
    const http = new HttpServer({
      answer(exchange) {
        answerText(exchange, ""); // the content is discarded
        return Promise.resolve();
      },
    });
    const listener = await listening((socket) => {
      flood.watch(socket).on("data", (chunk) => flood.add(chunk.length));
      const [address, port] = [socket.remoteAddress!, socket.remotePort!];
      const client = { address, port, serverAddress: "127.0.0.1", serverPort: listener.port };
      http.serve(socket, client, "http", protocol);
    });
    const client = connect(listener.port, "127.0.0.1");
    client.on("error", () => {});
    client.write(first);
    client.write(rest);
    await flood.check();
    client.destroy();
    http.cut();
    listener.close();
  });
}

const EARLY = "HTTP/1.1 103 Early\r\nA: b\r\n\r\n";

for (const into of ["the event data", "buffers"]) {
  Deno.test(`a backend that sends informational heads without a pause leaves others their turns, by ${into}`, async () => {
    using _clock = slowClock();
    const flood = new Flood();
    const origin = await listening((socket) => {
      socket.on("error", () => {});
      socket.write(many(Buffer.from(EARLY)));
    });
    const to = { port: origin.port, host: "127.0.0.1" };
    const connector: Pick<Connector, "open" | "secure"> = {
      secure: false,
      open(_, onread) {
        if (!onread) return flood.watch(connect(to)).on("data", (chunk) => flood.add(chunk.length));
        const callback = (length: number, buffer: Uint8Array) => {
          flood.add(length);
          return onread.callback(length, buffer);
        };
        return flood.watch(connect({ ...to, onread: { buffer: onread.buffer, callback } }));
      },
    };
    const connection = new Http1Connection(
      "origin",
      connector as Connector,
      { onFree() {}, onClosed() {} },
      0,
      into === "the event data",
    );
    connection.start({
      method: "GET",
      headBytes: 128 * 1024,
      pieceTimeout: undefined as never, // there is no content
      onOpen() {},
      onResponse() {},
      onSwitch() {},
      onLost() {},
      onDrain() {},
      onClosed() {},
    }, true);
    await flood.check();
    connection.destroy();
    origin.close();
  });
}

Deno.test("a backend that sends small frames of HTTP/2 without a pause leaves others their turns", async () => {
  using _clock = slowClock();
  const flood = new Flood();
  const origin = await listening((socket) => {
    socket.on("error", () => {});
    socket.write(settings());
    socket.write(many(WINDOW));
  });
  const socket = connect(origin.port, "127.0.0.1");
  flood.watch(socket).on("data", (chunk) => flood.add(chunk.length));
  const session = new Http2Session(socket, {} as never, machineClock);
  await flood.check();
  session.close();
  origin.close();
});
