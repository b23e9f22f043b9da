import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers";
import { HttpServer } from "../../server/http_server.ts";
import type { ByteSource } from "../../service/http/bytes.ts";
import { assert } from "../assert.ts";
import { H2C, RawConnection, request, settings, TYPE } from "./http2/frames.ts";
import { head, serving } from "./wire.ts";

/** Turns of the event loop in which many more pieces are read than may wait. */
const TURNS = 3000;
/** Pieces that may wait for a client: those in one write, and in some that the connection has not taken. */
const MOST = 500;

/** Endless content of one byte at a time, each of which comes later; counts the reads. */
function drops(): ByteSource & { reads: number } {
  return {
    reads: 0,
    length: undefined,
    trailers: undefined,
    read() {
      this.reads++;
      return new Promise((resolve) => setImmediate(() => resolve(Uint8Array.of(1))));
    },
    cancel() {},
  };
}

async function turns(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

Deno.test("few writes of small pieces wait for a client of HTTP/2 that takes nothing", async () => {
  const body = drops();
  await using server = await serving((exchange) => exchange.respond(head(200), body), H2C);
  using raw = await RawConnection.open(server.port);
  await raw.send(settings([4, 0]), request(1, "/"));
  await raw.find(({ type }) => type === TYPE.headers);
  await turns();
  assert(body.reads < MOST, `${body.reads} reads`);
});

Deno.test("content of HTTP/2 is not read on when its client has left", async () => {
  const MANY = 20_000;
  let reads = 0;
  const begun = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const body: ByteSource = {
    length: undefined,
    trailers: undefined,
    // Each piece comes in a microtask: a reader that never waits lets nothing else run.
    read() {
      if (++reads > MANY) gone.resolve();
      return Promise.resolve(reads > MANY ? undefined : Uint8Array.of(1));
    },
    cancel: () => gone.resolve(),
  };
  await using server = await serving((exchange) => {
    exchange.respond(head(200), body);
    begun.resolve();
  }, H2C);
  using raw = await RawConnection.open(server.port);
  await raw.send(settings([4, 0]), request(1, "/"));
  await begun.promise;
  await turns();
  raw.socket.resetAndDestroy();
  await gone.promise;
  assert(reads > 1 && reads < MOST, `${reads} reads`);
});

Deno.test("few writes of small pieces wait for a client of HTTP/1.1 that takes nothing", async () => {
  const body = drops();
  const http = new HttpServer({
    answer(exchange) {
      exchange.respond(head(200), body);
      return Promise.resolve();
    },
  });
  const stream = new Duplex({ read() {}, write() {} }); // no write is ever done
  const client = { address: "127.0.0.1", port: 1, serverAddress: "127.0.0.1", serverPort: 2 };
  http.serve(stream, client);
  stream.push(Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await turns();
  http.cut();
  assert(body.reads > 1, "it has begun");
  assert(body.reads < MOST, `${body.reads} reads`);
});
