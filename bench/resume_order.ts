// Shows in which microtask a suspended guest resumes: right after reactions that were added to the promise before the
// guest was suspended on it, and before those that are added later.
//
//   deno run -A bench/resume_order.ts
import { assemble } from "../cli/wat.ts";
import { promising, suspending } from "../wasm/jspi.ts";

const bytes = await assemble(
  "guest.wat",
  `(module
    (import "" "wait" (func $wait))
    (import "" "run" (func $run))
    (func (export "start") (call $wait) (call $run)))`,
);
const order: string[] = [];
const { promise, resolve } = Promise.withResolvers<void>();
const { instance } = await WebAssembly.instantiate(bytes as Uint8Array<ArrayBuffer>, {
  "": {
    wait: suspending(() => {
      promise.then(() => order.push("earlier reaction"));
      return promise;
    }),
    run: () => order.push("guest"),
  },
});
const ended = promising(instance.exports.start as CallableFunction)();
promise.then(() => order.push("later reaction"));
resolve();
await ended;
await Deno.stdout.write(new TextEncoder().encode(`${order.join(", ")}\n`));
