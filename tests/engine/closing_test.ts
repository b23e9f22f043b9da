import { Fastlike } from "../../mod.ts";
import { requestTo } from "../asking.ts";
import { assertEquals } from "../assert.ts";
import { listen } from "../../server/listener.ts";
import { fetchRaw, response } from "../guests/http.ts";
import { guestUrl } from "../guests/serving.ts";
import { rawOrigin } from "../service/backends/origins.ts";
import { Wire } from "../server/wire.ts";

const RUST = guestUrl("rust");
/** With one instance, a second request is answered once the first one's guest has ended. */
const ONE = { limits: { instances: 1 } };

Deno.test("disposal cuts a response that is to come from a backend after its guest has ended", async () => {
  const asked = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const app = await Fastlike.load(RUST, {
    ...ONE,
    backends: {
      origin: (request) => {
        request.signal.onabort = () => aborted.resolve();
        asked.resolve();
        return new Promise(() => {});
      },
    },
  });
  const running = app.handler(requestTo("/pending"));
  await asked.promise;
  await (await app.handler(requestTo("/hello"))).text();
  await app[Symbol.asyncDispose]();
  await aborted.promise;
  const cut = await running;
  assertEquals([cut.status, await cut.text()], [503, "The service is closing\n"]);
});

Deno.test("disposal cuts a connection that is being handed off", async () => {
  const asked = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const origin = rawOrigin(async (connection) => {
    await connection.head();
    asked.resolve();
    await connection.rest();
    closed.resolve();
  });
  const app = await Fastlike.load(RUST, { ...ONE, backends: { origin: origin.url } });
  const answer = app.answer.bind(app);
  const listener = await listen({ hostname: "127.0.0.1", port: 0, answer });
  using wire = await Wire.open(listener.port);
  await wire.send(
    "GET /websocket HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await asked.promise;
  assertEquals((await fetchRaw(listener.port, "/hello")).status, 200);
  await app[Symbol.asyncDispose]();
  await closed.promise;
  const { status, body } = await response(wire);
  assertEquals([status, body], [503, "The service is closing\n"]);
  await listener.drain(0);
  await origin.close();
});

Deno.test("a drain waits for a response that is to come after its guest has ended", async () => {
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using app = await Fastlike.load(RUST, {
    ...ONE,
    backends: {
      origin: async () => {
        asked.resolve();
        await go.promise;
        return new Response("late");
      },
    },
  });
  const answer = app.answer.bind(app);
  const listener = await listen({ hostname: "127.0.0.1", port: 0, answer });
  const running = fetchRaw(listener.port, "/pending");
  await asked.promise;
  assertEquals((await fetchRaw(listener.port, "/hello")).status, 200);
  const drained = listener.drain(600_000);
  go.resolve();
  const { status, body } = await running;
  assertEquals([status, body], [200, "late"]);
  await drained;
});
