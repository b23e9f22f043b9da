import { Channel } from "../../../cli/workers/channel.ts";
import { loadsOf, surplusOf } from "../../../cli/workers/sharing.ts";
import { assertEquals } from "../../assert.ts";
import { Client, ON_LINUX, until, WorkersSite } from "./site.ts";

const HELLO = new URL("../../../testdata/wat/hello.wat", import.meta.url).pathname;

const load = (last: number, average = last) => ({ last, average });

Deno.test("a worker that keeps more connections than others releases those above the mean", () => {
  assertEquals(surplusOf(load(32, 8), [load(0)]), 16);
  assertEquals(surplusOf(load(31, 8), [load(1), load(0), load(0)]), 23);
  assertEquals(surplusOf(load(20), [load(20), load(0)]), 6);
  assertEquals(surplusOf(load(3), [load(0)]), 1);
});

Deno.test("a worker keeps its connections if others have as many, but for chance, or cannot take any", () => {
  assertEquals(surplusOf(load(16), [load(16)]), 0);
  assertEquals(surplusOf(load(18), [load(14)]), 0);
  assertEquals(surplusOf(load(1), [load(0)]), 0);
  assertEquals(surplusOf(load(4), [load(30)]), 0);
  // It has released them a moment ago, or their clients are gone.
  assertEquals(surplusOf(load(16, 30), [load(16, 0)]), 0);
  // The only period in which others had fewer was the last one.
  assertEquals(surplusOf(load(9, 5), [load(1, 4)]), 0);
  assertEquals(surplusOf(load(32), []), 0);
});

Deno.test("the load of a worker that does not answer, or has ended, is not known", async () => {
  assertEquals(await loadsOf([channelTo("silent"), channelTo("free"), channelTo("ended")]), [
    load(3),
  ]);
  assertEquals(await loadsOf([]), []);
});

Deno.test(
  "connections that one worker has accepted, since the others were held up, are shared once those are free",
  ON_LINUX,
  async () => {
    await using site = await WorkersSite.start(2, [HELLO]);
    const [first] = await site.workers();
    const clients = Array.from({ length: 16 }, () => new Client(site.port));
    await site.withOnly(first!, () => Promise.all(clients.map((client) => client.get("/"))));
    let shared = false;
    const running = clients.map(async (client) => {
      while (!shared) assertEquals((await client.get("/")).status, 200);
      client[Symbol.dispose]();
    });
    const atSecond = 'fastlike_http_connections{worker="2"}';
    await until(async () => (await site.metric(atSecond, "?by=worker") ?? 0) >= 4);
    shared = true;
    await Promise.all(running);
  },
);

/** A channel to a worker that answers with its load, has ended, or does neither. */
function channelTo(worker: "free" | "silent" | "ended"): Channel {
  let answer = (_: unknown) => {};
  return new Channel({
    connected: worker !== "ended",
    send(message) {
      const { ask } = message as { ask: number };
      if (worker === "free") queueMicrotask(() => answer({ reply: ask, value: load(3) }));
      return true;
    },
    on(event: string, listener: (...args: never[]) => void) {
      if (event === "message") answer = listener as typeof answer;
    },
  });
}
