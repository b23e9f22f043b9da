import { setImmediate } from "node:timers";
import { afterOthers } from "../../../service/util/turns.ts";
import { bench } from "../../abi/_bench.ts";
import { inTurns } from "../../../wasm/turns.ts";
import { assert, assertEquals } from "../../assert.ts";

/** Resolves when bytes have gone to a server of this process and back, over a connection that is opened now. */
async function exchange(): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async () => {
    using accepted = await listener.accept();
    const buffer = new Uint8Array(1);
    await accepted.read(buffer);
    await accepted.write(buffer);
  };
  const answered = answer();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  await connection.write(new Uint8Array(1));
  await connection.read(new Uint8Array(1));
  await answered;
}

/** Stretches of work in which bytes have gone there and back: some for each of a connection's events. */
const FEW = 40;

Deno.test("long work lets in the bytes of sockets with each of its turns", async () => {
  let [now, stretches, over] = [0, 0, false];
  const exchanged = exchange().then(() => over = true);
  function* steps() {
    for (; !over && stretches < 1000; stretches++) {
      now += 10;
      yield;
    }
  }
  await inTurns(steps(), { elapsed: () => now });
  await exchanged;
  assert(stretches < FEW, `${stretches} stretches`);
});

Deno.test("a guest that computes and polls lets in the bytes of sockets with each of its polls", async () => {
  using made = bench();
  const { sandbox } = made;
  let [polls, over] = [0, false];
  const exchanged = exchange().then(() => over = true);
  for (; !over && polls < 1000; polls++) {
    const end = performance.now() + 2.1;
    while (performance.now() < end);
    await sandbox.turn();
  }
  await exchanged;
  assert(polls < FEW, `${polls} polls`);
});

Deno.test("others get 64 turns, and fewer when these are long", async () => {
  let [now, turns, over] = [0, 0, false];
  const count = () => {
    turns++;
    if (!over) setImmediate(count);
  };
  const wait = () =>
    new Promise<void>((resolve) => {
      turns = 0;
      afterOthers(resolve, () => now);
    });
  setImmediate(count);
  await wait();
  assertEquals(turns, 64);
  const waiting = wait();
  now += 20;
  await waiting;
  assertEquals(turns, 1);
  over = true;
});
