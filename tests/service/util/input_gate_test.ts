import { setImmediate } from "node:timers";
import { InputGate } from "../../../service/util/input_gate.ts";
import { assertEquals } from "../../assert.ts";

const LONG = new Uint8Array(64 * 1024);

/** A gate over a stream that notes its pauses, and a clock that the handling of a chunk moves by `ms`. */
function gate() {
  const calls: string[] = [];
  let now = 0;
  const stream = { pause: () => calls.push("pause"), resume: () => calls.push("resume") };
  const gate = new InputGate(stream, () => now);
  return {
    gate,
    calls,
    pass: (ms: number, bytes = LONG) => gate.pass(bytes, () => now += ms),
    lapse: (ms: number) => now += ms,
  };
}

/** Resolves after that many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (; count > 0; count--) await new Promise<void>((resolve) => setImmediate(resolve));
}

Deno.test("a stream whose chunks have taken 2 ms is paused for 64 turns of the event loop", async () => {
  const { calls, pass } = gate();
  for (let i = 0; i < 3; i++) pass(0.5);
  assertEquals(calls, []);
  pass(0.5);
  await turns(63);
  assertEquals(calls, ["pause"]);
  await turns(1);
  assertEquals(calls, ["pause", "resume"]);
  pass(1.5);
  assertEquals(calls.length, 2);
});

Deno.test("while turns are long a stream is paused for 20 ms at the most, and for one turn at least", async () => {
  const { calls, pass, lapse } = gate();
  pass(3);
  lapse(19);
  await turns(1);
  assertEquals(calls, ["pause"]);
  lapse(1);
  await turns(1);
  assertEquals(calls, ["pause", "resume"]);
  pass(3);
  lapse(50);
  assertEquals(calls, ["pause", "resume", "pause"]);
  await turns(1);
  assertEquals(calls, ["pause", "resume", "pause", "resume"]);
});

Deno.test("chunks that arrive during the pause do not lengthen it", async () => {
  const { calls, pass } = gate();
  pass(3);
  await turns(30);
  pass(3);
  await turns(34);
  assertEquals(calls, ["pause", "resume"]);
  await turns(64);
  assertEquals(calls, ["pause", "resume"]);
});

Deno.test("small chunks are not measured", () => {
  const { calls, pass } = gate();
  for (let i = 0; i < 10; i++) pass(3, LONG.subarray(0, 100));
  assertEquals(calls, []);
});

Deno.test("a stream whose buffers are full stays paused after its turn", async () => {
  const { gate: one, calls, pass } = gate();
  pass(3);
  one.full = true;
  await turns(64);
  assertEquals(calls, ["pause"]);
  one.full = false;
  assertEquals(calls, ["pause", "resume"]);
});

Deno.test("a stream whose buffers get room during its pause waits for its turn", async () => {
  const { gate: one, calls, pass } = gate();
  one.full = true;
  pass(3);
  one.full = false;
  assertEquals(calls, ["pause"]);
  await turns(64);
  assertEquals(calls, ["pause", "resume"]);
});

Deno.test("a stream that has another reader is neither paused nor resumed", async () => {
  const { gate: one, calls, pass } = gate();
  pass(3);
  one.end();
  pass(3);
  one.full = true;
  await turns(64);
  assertEquals(calls, ["pause"]);
});

Deno.test("a stream of which nothing is expected is not paused, and resumes if it is", async () => {
  const { gate: made, calls, pass, lapse } = gate();
  made.pass(LONG, () => {
    lapse(5);
    made.rest();
  });
  assertEquals(calls, []);
  pass(5);
  assertEquals(calls, ["pause"]);
  made.rest();
  assertEquals(calls, ["pause", "resume"]);
  await turns(64);
  pass(1);
  assertEquals(calls, ["pause", "resume", "resume"]);
});
