// Shows the resolution of a thread's processor time, and the cost of reading it and of reading the wall clock.
//
//   deno run -A bench/processor_time.ts
import process from "node:process";

const READINGS = 20_000;

const micros = () => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

const steps = new Set<number>();
let last = micros();
for (let i = 0; i < READINGS; i++) {
  const now = micros();
  if (now !== last) steps.add(now - last);
  last = now;
}
const text = `steps of ${[...steps].sort((a, b) => a - b).slice(0, 3).join(", ")} us\n` +
  `a reading of the processor time takes ${cost(micros)} us, of the wall clock ` +
  `${cost(() => performance.now())} us\n`;
await Deno.stdout.write(new TextEncoder().encode(text));

function cost(read: () => number): string {
  const began = performance.now();
  for (let i = 0; i < READINGS; i++) read();
  return ((performance.now() - began) * 1000 / READINGS).toFixed(2);
}
