import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import { setImmediate } from "node:timers";
import { HttpServer } from "../../server/http_server.ts";
import type { Connector } from "../../service/backends/connector.ts";
import { Http1Connection } from "../../service/backends/http1_connection.ts";
import { assert } from "../assert.ts";
import { answerText } from "./wire.ts";

/**
 * Bytes of one connection that may be handled in a turn of the event loop: small chunks and heads take the thread 2 ms for
 * far fewer, while Deno reads up to 32 times 64 KiB from a socket that has them.
 */
const MAX_TURN = 768 * 1024;
const MANY = 4 * 2 ** 20;

/** Counts bytes, and the most of them in one turn of the event loop. */
class Turns {
  total = 0;
  max = 0;
  #now = 0;
  #over = false;

  constructor() {
    const end = () => {
      this.#now = 0;
      if (!this.#over) setImmediate(end);
    };
    end();
  }

  add(bytes: number): void {
    this.total += bytes;
    this.#now += bytes;
    this.max = Math.max(this.max, this.#now);
  }

  /** Resolves once so many bytes have come; ends the count. */
  async until(bytes: number): Promise<void> {
    while (this.total < bytes) await new Promise((resolve) => setImmediate(resolve));
    this.#over = true;
  }
}

/** A listener whose connections go to `accept`. */
async function listening(accept: (socket: Socket) => void) {
  const server = createServer(accept);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

const CHUNK = "1\r\na\r\n";

Deno.test("a client that sends chunks of one byte without a pause leaves others their turns", async () => {
  const turns = new Turns();
  const http = new HttpServer({
    answer(exchange) {
      answerText(exchange, ""); // the content is discarded
      return Promise.resolve();
    },
  });
  const listener = await listening((socket) => {
    socket.on("data", (chunk) => turns.add(chunk.length));
    const [address, port] = [socket.remoteAddress!, socket.remotePort!];
    http.serve(socket, { address, port, serverAddress: "127.0.0.1", serverPort: listener.port });
  });
  const client = connect(listener.port, "127.0.0.1");
  client.on("error", () => {});
  client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.write(Buffer.from(CHUNK.repeat(MANY / CHUNK.length + 1)));
  await turns.until(MANY);
  client.destroy();
  http.cut();
  listener.close();
  assert(turns.max < MAX_TURN, `${turns.max} bytes in one turn`);
});

const EARLY = "HTTP/1.1 103 Early\r\nA: b\r\n\r\n";

for (const into of ["the event data", "buffers"]) {
  Deno.test(`a backend that sends informational heads without a pause leaves others their turns, by ${into}`, async () => {
    const turns = new Turns();
    const origin = await listening((socket) => {
      socket.on("error", () => {});
      socket.write(Buffer.from(EARLY.repeat(MANY / EARLY.length + 1)));
    });
    const to = { port: origin.port, host: "127.0.0.1" };
    const connector: Pick<Connector, "open" | "secure"> = {
      secure: false,
      open(_, onread) {
        if (!onread) return connect(to).on("data", (chunk) => turns.add(chunk.length));
        const callback = (length: number, buffer: Uint8Array) => {
          turns.add(length);
          return onread.callback(length, buffer);
        };
        return connect({ ...to, onread: { buffer: onread.buffer, callback } });
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
    await turns.until(MANY);
    connection.destroy();
    origin.close();
    assert(turns.max < MAX_TURN, `${turns.max} bytes in one turn`);
  });
}
