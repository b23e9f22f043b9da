// Reloads a component a hundred times, with a request after each; prints how many of the instances of core modules are
// held in the end, of how many, and how many MiB more V8 holds than after the twentieth reload.
import { componentLoader } from "../../../drivers/components.ts";
import { Fastlike } from "../../../mod.ts";
import { guestUrl } from "../../guests/serving.ts";
import { instancesHeld, instancesMade } from "../_made.ts";

const { gc } = globalThis as unknown as { gc(): void };

async function settled(): Promise<number> {
  for (let round = 0; round < 10; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

const bytes = await Deno.readFile(guestUrl("rust-component"));
const app = await Fastlike.load(bytes, { components: componentLoader });
let early = 0;
for (let i = 1; i <= 100; i++) {
  await app.reload(bytes);
  const response = await app.handler(new Request("http://localhost/hello"));
  const text = await response.text();
  if (!text.startsWith("Hello")) throw new Error(`Reload ${i} answers ${text}`);
  if (i === 20) early = await settled();
}
const grown = await settled() - early;
const held = `${instancesHeld()} of ${instancesMade()}`;
await Deno.stdout.write(new TextEncoder().encode(`${held}, ${Math.round(grown)} MiB\n`));
await app[Symbol.asyncDispose]();
