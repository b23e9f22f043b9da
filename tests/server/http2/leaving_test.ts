import { assertEquals } from "../../assert.ts";
import { head, serving } from "../wire.ts";
import { H2C, RawConnection, request, settings, TYPE } from "./frames.ts";

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
