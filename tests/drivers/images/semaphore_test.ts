import { ImageError } from "../../../drivers/images/error.ts";
import { Semaphore } from "../../../drivers/images/semaphore.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

const never = new AbortController().signal;

Deno.test("callers get slots in the order of their arrival", async () => {
  const slots = new Semaphore(2, 3);
  const order: number[] = [];
  const first = await slots.take(never);
  const others = [2, 3, 4, 5].map(async (each) => {
    using _slot = await slots.take(never);
    order.push(each);
  });
  await Promise.all(others.slice(0, 1));
  assertEquals(order[0], 2);
  first[Symbol.dispose]();
  await Promise.all(others);
  assertEquals(order, [2, 3, 4, 5]);
});

Deno.test("a caller too many is refused, and one that leaves makes room", async () => {
  const slots = new Semaphore(1, 1);
  const abort = new AbortController();
  const held = await slots.take(never);
  const leaving = slots.take(abort.signal);
  const error = await assertRejects(() => slots.take(never), ImageError);
  assertEquals(error.status, 503);
  abort.abort(new Error("left"));
  await assertRejects(() => leaving, Error, "left");
  const waiting = slots.take(never);
  held[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  (await slots.take(never))[Symbol.dispose]();
  await assertRejects(() => slots.take(abort.signal), Error, "left");
});
