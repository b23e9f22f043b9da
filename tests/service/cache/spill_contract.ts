import { collect, concat } from "../../../service/http/bytes.ts";
import type { CacheContent } from "../../../service/cache/content.ts";
import type { ContentId } from "../../../service/cache/driver.ts";
import { chain, type Eventually } from "../../../service/util/eventually.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { NONE, resultOf, written } from "./_cache.ts";
import { wrapped } from "../slow_driver.ts";
import { Bench, big, bodyOf, isSame, MIB, type Open, text } from "./_persisted_cache.ts";

/** Runs the part of the contract that is about long contents, which are in the driver, over a driver. */
export function spillContract(title: string, open: Open): void {
  Deno.test(`${title}: a long body is not in memory, and is read by pieces, ranges too`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    const whole = big(3 * MIB + 77);
    const { content, found } = bench.begin("a", { say: { length: whole.length } });
    const early = collect(content.read());
    for (let at = 0; at < whole.length; at += 100_000) {
      content.write(whole.slice(at, at + 100_000));
    }
    await bench.turn();
    assert(content.spooled);
    await content.finish();
    assert(isSame(await early, whole));
    for (let i = 0; i < 2; i++) {
      const source = (i ? (await bench.find("a"))! : found).object.content.read();
      assert(!(source instanceof Uint8Array) && source.length === whole.length);
      for (const [from, to] of [[0, 1], [262_143, 262_145], [1_048_575, 3_000_000]] as const) {
        const part = await bodyOf((await bench.find("a"))!, from, to);
        assert(isSame(part, whole.subarray(from, to)), `${from} to ${to}`);
      }
      assert(isSame(await bodyOf((await bench.find("a"))!, 3 * MIB), whole.subarray(3 * MIB)));
      await bench.restart(i === 0);
    }
  });

  Deno.test(`${title}: a reader of a long object reads on when it has left the cache`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    await bench.store("a", big(2 * MIB), { say: { keys: ["x"] } });
    const reading = (await bench.find("a"))!.object.content.read();
    assert(!(reading instanceof Uint8Array));
    const first = await reading.read();
    const opensLate = (await bench.find("a"))!;
    await bench.store("a", big(2 * MIB, 1), { say: { keys: ["x"] } });
    const second = (await bench.find("a"))!;
    await bench.cache.purge("x", false);
    bench.now += 9_000;
    assert(isSame(await bodyOf(opensLate), big(2 * MIB)));
    bench.now += 2_000;
    const rest = await collect(reading);
    assert(isSame(concat([first!, rest]), big(2 * MIB)));
    await bench.cache.purge("x", false);
    await bench.store("b", text("1"));
    await bench.cache.purge("none", false);
    await bench.restart();
    assertEquals((await opened.driver.load()).length, 1);
    await assertRejects(() => bodyOf(second), Error, "Cannot read on in a cached object");
  });

  Deno.test(`${title}: an object that is longer than the bound takes no room, unless it is read along`, async () => {
    await using opened = await open();
    const ids: ContentId[] = [];
    const driver = wrapped(opened.driver, (run, name) => {
      const answer = run();
      if (name !== "append" && name !== "put") return answer;
      return chain(answer as Eventually<ContentId>, (id) => (ids.push(id), id));
    });
    const bench = new Bench({ ...opened, driver }, 4 * MIB);
    const { content } = bench.begin("a");
    const write = async (content: CacheContent) => {
      for (let i = 0; i < 8; i++) await content.write(big(MIB, i));
      await content.finish();
    };
    await write(content);
    await bench.turn();
    const there = await Promise.all(ids.map((id) => opened.driver.has(id)));
    assert(there.length > 0 && there.every((has) => !has), "nothing is left of it");
    await assertRejects(() => collect(content.read()), Error, "Cannot read on");
    const { content: other } = bench.begin("a");
    const reading = collect(other.read());
    await write(other);
    const whole = concat(Array.from({ length: 8 }, (_, i) => big(MIB, i)));
    assert(isSame(await reading, whole));
    assertEquals(await opened.driver.load(), []);
  });

  Deno.test(`${title}: an object that another process has taken away is a miss`, async () => {
    await using opened = await open();
    const bench = new Bench(opened);
    await bench.store("short", text("1"));
    await bench.store("long", big(2 * MIB));
    await bench.restart();
    await bench.store("mine", text("1"), { say: { maxAge: 0, swr: 60 } });
    await opened.driver.free((await opened.driver.load()).map(({ content }) => content));
    assertEquals([await bench.find("short"), await bench.find("long")], [undefined, undefined]);
    const { obligation } = await resultOf(bench.cache.transaction("long", NONE));
    await obligation!.insert(written()).content.finish();
    const { found, obligation: update } = await resultOf(bench.cache.transaction("mine", NONE));
    assertEquals(found!.phase, "stale");
    update!.update(written());
    await bench.restart();
    assertEquals([await bench.text("long"), await bench.text("mine")], ["", "1"]);
  });
}
