// Has a dozen guests wait at the same time, then replaces the program and closes everything, or with the argument
// `forget` just forgets it; prints how many of the instances that were made are still held by something.
import { Fastlike } from "../../mod.ts";
import { guestUrl } from "../guests/serving.ts";
import { instancesHeld, instancesMade } from "./_made.ts";

const AT_ONCE = 12;

/** Lets all requests that come at a time go on together. */
class Gate {
  #waiting: (() => void)[] = [];

  pass(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#waiting.push(resolve) === AT_ONCE) { for (const go of this.#waiting.splice(0)) go(); }
    return promise;
  }
}

async function serve(): Promise<void> {
  const gate = new Gate();
  const app = await Fastlike.load(guestUrl("rust"), {
    limits: { cpu_time: Infinity }, // the watchdog is a thread, which would hold it
    catchAll: async (request: Request) => {
      await gate.pass();
      return new Response(new URL(request.url).pathname);
    },
  });
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: AT_ONCE }, async (_, i) => {
      const url = `http://localhost/proxy/origin/${i}`;
      const response = await app.handler(new Request(url, { method: "DELETE" }));
      const text = await response.text();
      if (!text.endsWith(`/${i}`)) throw new Error(`${i} got ${text}`);
    }));
    if (round === 1) await app.reload(guestUrl("rust"));
  }
  if (Deno.args[0] !== "forget") await app[Symbol.asyncDispose]();
}

await serve();
for (let round = 0; instancesHeld() && round < 100; round++) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  (globalThis as unknown as { gc(): void }).gc();
}
const count = instancesMade() > AT_ONCE ? `more than ${AT_ONCE}` : instancesMade();
await Deno.stdout.write(new TextEncoder().encode(`${count} instances, ${instancesHeld()} left\n`));
