import { LEASE_MILLIS, PurgeLog } from "../../../cli/workers/purge_log.ts";
import type { NumberedPurge } from "../../../service/cache/purge_feed.ts";
import { assert, assertEquals } from "../../assert.ts";
import { quickest } from "../../durations.ts";

const purgeOf = (surrogateKey: string) => ({ surrogateKey, soft: false });

Deno.test("purges are numbered in order, handed to all workers, and answered when all have done them", async () => {
  const taken: NumberedPurge[] = [];
  const done = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const log = new PurgeLog(() =>
    done.map(({ promise }) => (purge) => {
      taken.push(purge);
      return promise;
    })
  );
  let answered = false;
  const published = log.publish(purgeOf("a")).then(() => answered = true);
  done[0]!.resolve();
  await Promise.resolve();
  assertEquals([answered, taken.map(({ number }) => number)], [false, [1, 1]]);
  done[1]!.resolve();
  await published;
  await log.publish(purgeOf("b"));
  assertEquals([log.last, taken.at(-1)], [2, { ...purgeOf("b"), number: 2 }]);
});

Deno.test("a purge is answered once a worker that is held up may not use its cache any more, within a second", async () => {
  const log = new PurgeLog(() => [() => new Promise(() => {}), () => Promise.reject(new Error())]);
  const took = await quickest(1000, async () => {
    const began = performance.now();
    await log.publish(purgeOf("a"));
    return performance.now() - began;
  });
  assert(took >= LEASE_MILLIS, `after ${took} ms`);
  assert(took < 1000, `after ${took} ms`);
});

Deno.test("a worker gets the purges that it has missed, or learns that they are no longer known", async () => {
  const log = new PurgeLog(() => []);
  assertEquals(log.since(0), { last: 0, purges: [] });
  const count = 10_002; // two more than are kept
  const all = Array.from({ length: count }, (_, at) => log.publish(purgeOf(`${at + 1}`)));
  await Promise.all(all);
  const { last, purges } = log.since(count - 2);
  const missed = purges!.map(({ number, surrogateKey }) => [number, surrogateKey]);
  assertEquals([last, missed], [count, [[10_001, "10001"], [10_002, "10002"]]]);
  assertEquals(log.since(2).purges!.length, 10_000);
  assertEquals(log.since(1), { last: count }, "the second purge is not known");
  assertEquals(log.since(count).purges, []);
});
