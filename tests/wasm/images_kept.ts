// Reloads a program by builds that differ in their data alone, and prints how many memories of earlier builds are still
// held by something: those of their instances, and the images of their data.
import { Fastlike } from "../../mod.ts";
import { withText } from "../guests/other_data.ts";
import { guestUrl } from "../guests/serving.ts";

const RELOADS = 20;
const made: WeakRef<WebAssembly.Memory>[] = [];
WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
  construct(target, args) {
    const memory = Reflect.construct(target, args);
    made.push(new WeakRef(memory));
    return memory;
  },
});

const bytes = await Deno.readFile(guestUrl("rust"));
const options = { quickReload: true };
await using app = await Fastlike.load(bytes.slice(), options);
let earlier = 0;
for (let i = 0; i < RELOADS; i++) {
  earlier = made.length;
  const word = `${i}`.padStart(5, "n");
  await app.reload(withText(bytes, "Hello from", `${word} from`), { ...options });
  const response = await app.handler(new Request("http://localhost/hello"));
  if (!(await response.text()).startsWith(word)) throw new Error(`Cannot find ${word}`);
}
const left = () => made.slice(1, earlier).filter((memory) => memory.deref()).length; // the first is the watchdog's
for (let round = 0; left() && round < 100; round++) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  (globalThis as unknown as { gc(): void }).gc();
}
await Deno.stdout.write(new TextEncoder().encode(`${left()} left\n`));
