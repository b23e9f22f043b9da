import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { assert, assertEquals } from "../../assert.ts";
import { head, serving } from "../wire.ts";
import { frame, H2C, hello, number, RawConnection, request, settings, TYPE } from "./frames.ts";

const LEFT = "The client has left before its response was complete";

for (const way of ["closing", "resetting"]) {
  Deno.test(`a client that leaves by ${way} its connection is noticed while it takes nothing`, async () => {
    const gone = Promise.withResolvers<string>();
    await using server = await serving((exchange) => {
      exchange.onGone(({ message }) => gone.resolve(message));
      exchange.respond(head(200), new Uint8Array(200_000));
    }, H2C);
    using raw = await RawConnection.open(server.port);
    await raw.send(settings([4, 0]), request(1, "/"));
    await raw.find(({ type }) => type === TYPE.headers);
    if (way === "closing") raw.socket.destroy();
    else raw.socket.resetAndDestroy();
    assertEquals(await gone.promise, LEFT);
  });

  Deno.test(`a client that leaves by ${way} its connection is noticed while it waits`, async () => {
    const [begun, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
    await using server = await serving((exchange) => {
      exchange.onGone(({ message }) => gone.resolve(message));
      begun.resolve();
      return gone.promise.then(() => {});
    }, H2C);
    using raw = await RawConnection.open(server.port);
    await raw.send(request(1, "/"));
    await begun.promise;
    if (way === "closing") raw.socket.destroy();
    else raw.socket.resetAndDestroy();
    assertEquals(await gone.promise, LEFT);
  });
}

Deno.test("a client that closes its sending side alone gets the response that was given", async () => {
  const LENGTH = 1_000_000;
  await using server = await serving((exchange) => {
    exchange.respond(head(200), new Uint8Array(LENGTH));
  }, H2C);
  // Not one that acknowledges settings, which it could not.
  const client = connect(server.port, "127.0.0.1");
  const room = frame(TYPE.window, 0, 0, number(2 ** 30));
  client.end(Buffer.concat([hello([4, 2 ** 30]), room, request(1, "/")]));
  let length = 0;
  for await (const bytes of client) length += bytes.length;
  assert(length > LENGTH, `${length} bytes`);
});
