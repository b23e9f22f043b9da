import { Fastlike } from "../../mod.ts";
import { answerOf } from "../asking.ts";
import { assertEquals } from "../assert.ts";
import { guestOf } from "./_spinning.ts";

/** Answers a request and asks for the next one, up to `sandbox_requests`; before it asks, it does `act`. */
function serving(act: string): Promise<Uint8Array> {
  return guestOf(`
    (loop $on
      (drop (call $get (i32.const 0) (i32.const 4)))
      (call $sleep (i64.const 1))
      (call $answer)
      ${act}
      (drop (call $next (i32.const 0) (i32.const 300) (i32.const 80)))
      (br_if $on (i32.eqz
        (call $next_wait (i32.load (i32.const 80)) (i32.const 0) (i32.const 4)))))`);
}

Deno.test("a sandbox that waits for its next request takes one from the queue where no instance is free", async () => {
  // It would wait for longer than a request waits for an instance.
  const limits = { instances: 1, sandbox_requests: 100, sandbox_idle: "1m" };
  await using app = await Fastlike.load(await serving(""), { limits });
  const answers = await Promise.all(Array.from({ length: 12 }, () => answerOf(app)));
  assertEquals(answers, Array(12).fill([200, "done"]));
  assertEquals(app.status().limits, {});
});

Deno.test("a request that a guest does not take before it ends goes back into the queue", async () => {
  const guest = await guestOf(`
    (drop (call $get (i32.const 0) (i32.const 4)))
    (call $sleep (i64.const 1))
    (call $answer)
    (drop (call $next (i32.const 0) (i32.const 300) (i32.const 80)))
    (call $sleep (i64.const 5))`);
  await using app = await Fastlike.load(guest, { limits: { instances: 1 } });
  const answers = await Promise.all(Array.from({ length: 4 }, () => answerOf(app)));
  assertEquals(answers, Array(4).fill([200, "done"]));
});

Deno.test("a queued request that is aborted while a sandbox is to take it ends, and others are answered", async () => {
  const limits = { instances: 1, sandbox_requests: 100 };
  await using app = await Fastlike.load(await serving("(call $sleep (i64.const 3))"), { limits });
  const first = answerOf(app);
  const leaving = new AbortController();
  const left = app.handler(new Request("http://guest.test/", { signal: leaving.signal }))
    .catch(() => undefined);
  const last = answerOf(app);
  assertEquals(await first, [200, "done"]);
  leaving.abort();
  assertEquals(await last, [200, "done"]);
  await (await left)?.body?.cancel();
});
