// Shows the parts of the time from a program's file to its first answer:
//
//   deno run -A bench/load_parts.ts [guest...]
//
// Guests are those of testdata/built, by default the Rust, Go and JavaScript ones, each in a new process, where V8 has not
// optimised the host yet. `main` is processor time of the main thread, in steps of 10 ms. V8 compiles a function when it
// is first called, so the first request has most of its work.
import process from "node:process";
import { readWhole } from "../cli/read_whole.ts";
import { Fastlike } from "../mod.ts";
import { parted } from "../wasm/data_image.ts";
import { layoutOf } from "../wasm/rewrite/layout.ts";
import { packed, unpacked } from "../wasm/rewrite/packed.ts";
import { rewrite, type Rewritten } from "../wasm/rewrite/rewrite.ts";

const GUESTS = ["rust", "go", "javascript"];
const OPTIONS = { memory: 2 ** 27, checks: true, reset: { dirtyPages: true } };

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function part<T>(name: string, run: () => T | Promise<T>): Promise<T> {
  const before = process.threadCpuUsage();
  const began = performance.now();
  const result = await run();
  const millis = performance.now() - began;
  const { user, system } = process.threadCpuUsage(before);
  const main = (user + system) / 1000;
  print(`  ${name.padEnd(36)}${millis.toFixed(1).padStart(8)} ms, main ${main.toFixed(0)}`);
  return result;
}

async function measure(guest: string): Promise<void> {
  const path = new URL(`../testdata/built/${guest}.wasm`, import.meta.url).pathname;
  const bytes = await part("read the file", () => readWhole(path));
  await part("digest it", () => crypto.subtle.digest("SHA-256", bytes));
  const whole = await part("read its structure", () => layoutOf(bytes));
  const data = parted(whole)!;
  const layout = await part("take its data out", () => layoutOf(parted(whole)!.withoutData()));
  await part("make the image of its data", () => data.image());
  const rewritten = await part("rewrite", () => rewrite(layout, OPTIONS));
  await part("validate the original", () => WebAssembly.compile(bytes));
  await part("compile the rewritten module", () => WebAssembly.compile(rewritten.bytes));
  const kept = new Blob(packed(rewritten));
  const file = new Uint8Array(await kept.arrayBuffer());
  await part("unpack it, when it is known", () => unpacked(file) as Rewritten);
  const earlier = { bytes: layout.bytes, rewritten };
  await part("rewrite again, with this as earlier", () => rewrite(layout, { ...OPTIONS, earlier }));
  const app = await part("all of a load", () => Fastlike.load(bytes));
  await part("make an instance", () => app.warmup(1));
  for (const name of ["first request", "second request"]) {
    await part(name, async () => {
      const response = await app.handler(new Request("http://guest.test/hello"));
      await response.text();
    });
  }
}

if (Deno.args[0] === "--one") {
  await measure(Deno.args[1]!);
  Deno.exit();
}
for (const guest of Deno.args.length ? Deno.args : GUESTS) {
  print(`${guest}:`);
  const args = ["run", "-A", "--no-check", import.meta.filename!, "--one", guest];
  await new Deno.Command(Deno.execPath(), { args, stdout: "inherit" }).output();
}
