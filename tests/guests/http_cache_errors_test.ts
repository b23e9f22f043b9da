import type { ServerResponse } from "node:http";
import { assertEquals, assertStringIncludes } from "../assert.ts";
import { fetchRaw, valuesOf } from "./http.ts";
import { confirming, counting, setUp, told } from "./http_cache.ts";
import { testGuest } from "./serving.ts";

/** Guests whose SDKs have stale-if-error. */
const RESORTING = ["rust", "go-http-cache"];

for (const name of RESORTING) {
  testGuest(name, "a 304 renews the object kept for errors, and answers", async () => {
    const asked: string[] = [];
    await using stage = await setUp(name, confirming(asked));
    const path = "/a?hooks&ttl=10&sie=60";
    await stage.ask(path);
    stage.now += 20_000;
    const renewed = await stage.ask(path);
    assertEquals([renewed.status, renewed.body], [200, "the content"]);
    assertEquals(valuesOf(renewed, "x-count"), ["2"], "the head is the new one");
    assertEquals(asked, ["all", '"v1"']);
    stage.now += 9_000;
    assertEquals(told(await stage.ask(path)), ["HIT", "the content"]);
    assertEquals(asked.length, 2);
  });

  testGuest(
    name,
    "the object kept for errors answers when a hook rejects the origin's",
    async () => {
      let status = 200;
      await using stage = await setUp(
        name,
        (_, response) => response.writeHead(status).end(`status ${status}`),
      );
      const path = "/a?hooks&ttl=10&sie=60&fail-on-error";
      await stage.ask(path);
      stage.now += 10_000;
      status = 503;
      const masked = await stage.ask(path);
      assertEquals([masked.status, masked.body], [200, "status 200"]);
      assertStringIncludes(valuesOf(masked, "x-masked-error").join(), "the origin has failed");
      stage.now += 60_000;
      const failed = await stage.ask(path);
      assertEquals(failed.status, 502, "its time is over");
      assertStringIncludes(failed.body, "the origin has failed");
    },
  );

  testGuest(
    name,
    "the object kept for errors answers when the origin is gone, those who wait too",
    async () => {
      const arrived = Promise.withResolvers<ServerResponse>();
      let up = true;
      let down = false;
      await using stage = await setUp(name, (_, response) => {
        if (up) response.end("old");
        else if (down) response.destroy();
        else arrived.resolve(response);
      });
      const path = "/a?hooks&ttl=10&sie=60";
      await stage.ask(path);
      stage.now += 10_000;
      up = false;
      const leader = stage.ask(path);
      const hanging = await arrived.promise;
      const followers = Array.from({ length: 5 }, () => stage.ask(path));
      await fetchRaw(stage.served.port, "/hello");
      down = true; // for a second attempt too
      hanging.destroy();
      const answers = await Promise.all([leader, ...followers]);
      assertEquals(
        answers.map(({ status, body }) => [status, body]),
        answers.map(() => [200, "old"]),
      );
    },
  );
}

testGuest(
  "rust",
  "a hook that fails before the request to the origin leaves the object kept for errors",
  async () => {
    await using stage = await setUp("rust", counting());
    await stage.ask("/a?hooks&ttl=10&sie=60");
    stage.now += 10_000;
    const early = await stage.ask("/a?hooks&fail-before");
    assertEquals(early.body, "answer 1");
    assertStringIncludes(valuesOf(early, "x-masked-error").join(), "before_send has failed");
  },
);
