import { HandleTable } from "../../handles/table.ts";
import { Waitable } from "../../handles/waitable.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { XqdStatus } from "../abi/_bench.ts";
import { Caching, MODULE } from "../abi/_cache.ts";

class Work extends Waitable {
  dropped = 0;
  override readonly ready = true;

  override whenReady(): Promise<void> {
    return Promise.resolve();
  }

  override drop(): void {
    this.dropped++;
  }
}

/** Takes numbers until only `left` remain. */
function fill(handles: HandleTable, left = 0): number {
  const numbers: number[] = [];
  for (;;) {
    try {
      numbers.push(handles.insert({}));
    } catch {
      break;
    }
  }
  for (const number of numbers.slice(0, left)) handles.take(Object, number);
  return numbers.length;
}

Deno.test("work that gets no number is dropped", () => {
  const handles = new HandleTable();
  fill(handles);
  const work = new Work();
  assertThrows(() => handles.insert(work), Error, "handles");
  assertEquals([work.dropped, handles.size], [1, 100_000]);
});

Deno.test("of two objects both get a handle or neither does, and objects without one are dropped", () => {
  const handles = new HandleTable();
  fill(handles, 1);
  const [first, second] = [new Work(), new Work()];
  assertThrows(() => handles.insertBoth(first, second), Error, "handles");
  assertEquals([first.dropped, second.dropped, handles.size], [1, 1, 99_999]);
  const free = new HandleTable();
  fill(free, 2);
  const [one, two] = free.insertBoth(first, second);
  assertEquals([free.take(Work, one), free.take(Work, two)], [first, second]);
  assertEquals([first.dropped, second.dropped], [1, 1]);
});

Deno.test("a transaction that gets no handle holds up no other run", async () => {
  using c = new Caching();
  fill(c.b.sandbox.handles);
  assertEquals(
    await c.b.call(MODULE, "transaction_lookup", "key", 0, 0, 0x100),
    XqdStatus.limitexceeded,
  );
  using d = c.other();
  assertEquals(await d.state(await d.transaction("key")), 8);
});

Deno.test("text is counted while more than a few handles are open", () => {
  const handles = new HandleTable();
  const piece = 2 ** 20;
  for (let i = 0; i < 1000; i++) handles.countText(piece);
  const numbers = Array.from({ length: 257 }, () => handles.insert({}));
  for (let i = 0; i < 128; i++) handles.countText(piece);
  assertThrows(() => handles.countText(1), Error, "close those that are not used");
  handles.take(Object, numbers[0]!);
  for (let i = 0; i < 1000; i++) handles.countText(piece);
});

Deno.test("a guest that keeps adding requests with fields is refused, and may go on when it has closed some", async () => {
  using c = new Caching();
  const { handles } = c.b.sandbox;
  const value = "v".repeat(100_000);
  for (let i = 0; i < 256; i++) handles.insert({});
  const request = await c.b.got("fastly_http_req", "new");
  handles.countText(2 ** 27 - 50_000);
  const add = () => c.b.call("fastly_http_req", "header_insert", request, "name", value);
  assertEquals(await add(), XqdStatus.limitexceeded);
  handles.take(Object, 1);
  assertEquals(await add(), XqdStatus.ok);
});
