// Shows the cost of starting a guest that is suspended, by the number of guests that are suspended at a time: V8 keeps the
// stacks of a few ended guests for reuse, and allocates further ones.
//
//   deno run -A bench/stacks.ts
import { assemble } from "../cli/wat.ts";
import { promising, suspending } from "../wasm/jspi.ts";

const ROUNDS = 2000;
const TURNS = 5;

const bytes = await assemble(
  "guest.wat",
  '(module (import "" "wait" (func $wait)) (func (export "start") (call $wait)))',
);
let gate = Promise.withResolvers<void>();
const { instance } = await WebAssembly.instantiate(bytes as Uint8Array<ArrayBuffer>, {
  "": { wait: suspending(() => gate.promise) },
});
const start = promising(instance.exports.start as CallableFunction);

for (let guests = 1; guests <= 8; guests++) {
  let best = Infinity;
  for (let turn = 0; turn < TURNS; turn++) best = Math.min(best, await microsPerGuest(guests));
  await Deno.stdout.write(
    new TextEncoder().encode(`${guests} at a time: ${best.toFixed(2)} us each\n`),
  );
}

async function microsPerGuest(guests: number): Promise<number> {
  const began = performance.now();
  for (let round = 0; round < ROUNDS; round++) {
    gate = Promise.withResolvers();
    const ends = Array.from({ length: guests }, () => start());
    gate.resolve();
    await Promise.all(ends);
  }
  return (performance.now() - began) * 1000 / ROUNDS / guests;
}
