import { Fastlike } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { guestOf } from "./_spinning.ts";

const UNTIL_DONE = "(br_if $on (i32.eqz (call $is_done (i32.load (i32.const 48)))))";
const UNTIL_READY = "(br_if $on (i32.eqz (call $is_ready (i32.load (i32.const 48)))))";

/** Ways in which a guest may poll for a backend's response. */
const WAYS: Readonly<Record<string, string>> = {
  "pending_req_poll": `(call $ask_without_waiting) (loop $on ${UNTIL_DONE})`,
  "is_ready of a pending request": `(call $ask_without_waiting) (loop $on ${UNTIL_READY})`,
  "is_ready of a body": `(call $ask)
    (loop $on (br_if $on (i32.eqz (call $is_ready (i32.load (i32.const 52))))))`,
  "sched_yield": `(call $ask_without_waiting) (loop $on (drop (call $yield)) ${UNTIL_DONE})`,
  "sleeps of no time": `(call $ask_without_waiting)
    (loop $on (call $sleep (i64.const 0)) ${UNTIL_READY})`,
};

for (const [way, act] of Object.entries(WAYS)) {
  Deno.test(`a guest that asks in a loop by ${way} leaves others their turn, and hears of the answer`, async () => {
    const guest = await guestOf(
      `(if (call $is_post) (then ${act}) (else (call $sleep (i64.const 1)))) (call $answer)`,
    );
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    await using app = await Fastlike.load(guest, {
      cache: false,
      backends: {
        async origin() {
          asked.resolve();
          if (!way.includes("body")) await answer.promise;
          const body = new ReadableStream({
            async pull(controller) {
              await answer.promise;
              controller.enqueue(new TextEncoder().encode("late"));
              controller.close();
            },
          });
          return new Response(body);
        },
      },
    });
    const ask = (method: string) => app.handler(new Request("http://guest.test/", { method }));
    const polling = ask("POST");
    await asked.promise;
    for (let i = 0; i < 5; i++) assertEquals(await (await ask("GET")).text(), "done");
    answer.resolve();
    const response = await polling;
    assertEquals([response.status, await response.text()], [200, "done"]);
  });
}
