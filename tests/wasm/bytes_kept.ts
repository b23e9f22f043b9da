// Serves as many requests as it takes to choose how instances are reset, and prints how many of the large arrays that the
// program was loaded from and compiled from are still held by something.
import { Fastlike } from "../../mod.ts";
import { MEASURED, UNMEASURED } from "../../wasm/reset_choice.ts";
import { guestUrl } from "../guests/serving.ts";

const kept: WeakRef<ArrayBufferLike>[] = [];
const { compile } = WebAssembly;
WebAssembly.compile = (bytes) => {
  kept.push(new WeakRef((bytes as Uint8Array<ArrayBuffer>).buffer));
  return compile(bytes);
};

async function load(): Promise<Fastlike> {
  const bytes = await Deno.readFile(guestUrl("rust"));
  kept.push(new WeakRef(bytes.buffer));
  return await Fastlike.load(bytes);
}

await using app = await load();
for (let i = 0; i <= UNMEASURED + MEASURED; i++) {
  const response = await app.handler(new Request("http://localhost/hello"));
  await response.body?.cancel();
}
const left = () => kept.filter((buffer) => buffer.deref()).length;
for (let round = 0; left() && round < 100; round++) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  (globalThis as unknown as { gc(): void }).gc();
}
await Deno.stdout.write(new TextEncoder().encode(`${kept.length} arrays, ${left()} left\n`));
