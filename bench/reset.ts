// Shows the cost of a request with each reset method, and the method that `auto` chooses:
//
//   deno run -A bench/reset.ts [guest...]
//
// Marking dirty pages is expensive for programs that write often, copying for those with a large memory. The methods take
// turns in one process; the fastest eighth of each method's requests counts, as in wasm/reset_choice.ts.
import { Fastlike } from "../mod.ts";
import { MEASURED, UNMEASURED } from "../wasm/reset_choice.ts";

const GUESTS = ["hello", "assemblyscript", "rust-2020", "rust"];
const TURNS = 3;

for (const guest of Deno.args.length ? Deno.args : GUESTS) {
  const bytes = await Deno.readFile(new URL(`../testdata/built/${guest}.wasm`, import.meta.url));
  const costs = { "dirty-pages": Infinity, snapshot: Infinity };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const method of ["dirty-pages", "snapshot"] as const) {
      costs[method] = Math.min(costs[method], await costOf(bytes, method));
    }
  }
  const text = Object.entries(costs).map(([method, micros]) => `${method} ${micros} us`);
  await Deno.stdout.write(
    new TextEncoder().encode(`${guest}: ${text.join(", ")}; auto: ${await choiceOf(bytes)}\n`),
  );
}

/** Measures a request, in microseconds. */
async function costOf(bytes: Uint8Array, reuse: "dirty-pages" | "snapshot"): Promise<number> {
  await using app = await Fastlike.load(bytes, { reuse });
  for (let i = 0; i < UNMEASURED; i++) await request(app);
  const times = [];
  for (let i = 0; i < MEASURED; i++) times.push(await request(app));
  return Math.round(times.sort((one, other) => one - other)[MEASURED / 8]! * 1000);
}

async function choiceOf(bytes: Uint8Array): Promise<string> {
  let choice = "undecided";
  await using app = await Fastlike.load(bytes, {
    log: (entry) => {
      if (entry.kind !== "host") return;
      choice = /^Instances are reset by ([\w-]+):/.exec(entry.message)?.[1] ?? choice;
    },
  });
  for (let i = 0; i < 2 * (UNMEASURED + MEASURED) + 1000 && choice === "undecided"; i++) {
    await request(app);
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve)); // so that V8 can compile in the background
  }
  return choice;
}

async function request(app: Fastlike): Promise<number> {
  const start = performance.now();
  const response = await app.fetch(new Request("http://localhost/hello"));
  await response.bytes();
  return performance.now() - start;
}
