import { duplexPair } from "node:stream";
import { HttpServer } from "../../server/http_server.ts";
import { HeaderList } from "../../service/http/headers.ts";
import type { ClientFacts, Exchange } from "../../service/http/exchange.ts";
import { reply } from "../../service/http/reply.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";

const CLIENT: ClientFacts = {
  address: "192.0.2.1",
  port: 4711,
  serverAddress: "192.0.2.2",
  serverPort: 443,
};
const REQUEST = "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

/** Both ends of a connection in memory, and all that comes out of the client's end until it is closed. */
function connection() {
  const [client, server] = duplexPair();
  let text = "";
  client.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
  const output = new Promise<string>((resolve) => client.on("end", () => resolve(text)));
  return { client, server, output };
}

/** Answers with the URL and the client's address, as a guest would see them. */
function answer(exchange: Exchange): Promise<void> {
  reply(exchange, 200, `${exchange.head.url} from ${exchange.client.address}`);
  return Promise.resolve();
}

Deno.test("a connection over any byte stream is served with its scheme and the facts of its client", async () => {
  const server = new HttpServer({ answer });
  const secure = connection();
  const clear = connection();
  assert(server.serve(secure.server, CLIENT, "https"));
  assert(server.serve(clear.server, { ...CLIENT, address: "192.0.2.9" }));
  secure.client.write(REQUEST);
  clear.client.write(REQUEST);
  assertStringIncludes(await secure.output, "https://a.test/a from 192.0.2.1");
  assertStringIncludes(await clear.output, "http://a.test/a from 192.0.2.9");
  server.cut();
});

Deno.test("a connection beyond the limit gets a 503, and its caller learns that it is not served", async () => {
  const server = new HttpServer({ answer, connections: 1 });
  const first = connection();
  const second = connection();
  assert(server.serve(first.server, CLIENT));
  assertEquals(server.serve(second.server, CLIENT), false);
  second.client.end();
  assertMatch(await second.output, /^HTTP\/1.1 503 /);
  assertEquals(server.connections, 1);
  server.cut();
});

Deno.test("a drain waits for the request that runs, and then closes its connection", async () => {
  const running = Promise.withResolvers<Exchange>();
  const ended = Promise.withResolvers<void>();
  const server = new HttpServer({
    async answer(exchange) {
      running.resolve(exchange);
      await ended.promise;
      await answer(exchange);
    },
  });
  const { client, server: stream, output } = connection();
  server.serve(stream, CLIENT);
  client.write(REQUEST);
  await running.promise;
  const drained = server.drain(60_000);
  ended.resolve();
  assertMatch(await output, /^HTTP\/1.1 200 /);
  client.end();
  await drained;
  assertEquals(server.connections, 0);
});

Deno.test("informational heads without end take no memory where the client does not read, and the response follows", async () => {
  const [client, stream] = duplexPair();
  const rest = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<Exchange>();
  const server = new HttpServer({
    async answer(exchange) {
      begun.resolve(exchange);
      await rest.promise;
      reply(exchange, 200, "the response");
    },
  });
  assert(server.serve(stream, CLIENT));
  client.write(REQUEST);
  const exchange = await begun.promise;
  const headers = new HeaderList(["link", `</${"a".repeat(1000)}>`]);
  for (let i = 0; i < 10_000; i++) exchange.inform({ status: 103, headers });
  assert(stream.writableLength < 100_000, `${stream.writableLength} bytes wait for the client`);
  rest.resolve();
  let text = "";
  client.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
  await new Promise((resolve) => client.on("end", resolve));
  assertMatch(text, /^(HTTP\/1\.1 103 .*\r\nlink: .*\r\n\r\n){10,100}HTTP\/1\.1 200 /i);
  assertMatch(text, /the response\n?$/);
  server.cut();
});
