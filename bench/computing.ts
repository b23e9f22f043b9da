// Shows what requests that compute cost with each way of giving them a new state, against a new instance each time:
//
//   deno run -A bench/computing.ts [--turns N] [--guest FILE] [--tree DIR]... [path...]
//
// The guest is bench/compute, which `deno task bench:peers` builds and whose requests differ in how often they store. All
// ways take turns in one process, and processor time of the thread counts, so that other load on the machine hardly
// matters. `auto` is the way that serving chooses for such requests alone. `--tree` adds a checkout to compare with.
// `unlimited` is without the checks by which cpu_time stops a guest.
import { parseArgs } from "node:util";

const ROOT = new URL("../", import.meta.url);
/** Requests after which `auto` has chosen for programs that compute, and has compiled what it needs. */
const WARM_UP = 60;
const CLOCK_THREAD_CPUTIME_ID = 3;

const libc = Deno.dlopen("libc.so.6", {
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
});
/** Seconds and nanoseconds. */
const time = new BigInt64Array(2);

const PATHS = ["hello", "sha512", "sort", "matrix", "json", "sieve"];

type Host = Pick<typeof import("../mod.ts"), "Fastlike">;
type App = Awaited<ReturnType<Host["Fastlike"]["load"]>>;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    turns: { type: "string", default: "40" },
    tree: { type: "string", multiple: true, default: [] },
    guest: { type: "string" },
  },
});
const file = values.guest ??
  new URL("bench/compute/target/wasm32-wasip1/release/compute.wasm", ROOT);
const bytes = await Deno.readFile(file);
const hosts = new Map<string, Host>();
for (const tree of ["", ...values.tree]) {
  const root = tree ? new URL(`${tree}/`, `file://${Deno.cwd()}/`) : ROOT;
  hosts.set(tree && `${tree.split("/").at(-1)} `, await import(new URL("mod.ts", root).href));
}
const ways = new Map<string, () => Promise<App>>();
for (const [name, { Fastlike }] of hosts) {
  for (const reuse of ["never", "snapshot", "dirty-pages", "auto"] as const) {
    ways.set(name + reuse, () => Fastlike.load(bytes, { reuse }));
  }
}
const unlimited = { reuse: "never", limits: { cpu_time: Infinity } } as const;
ways.set("unlimited", () => hosts.get("")!.Fastlike.load(bytes, unlimited));

print(`| milliseconds a request | ${[...ways.keys()].join(" | ")} |`);
print(`| --- |${" --- |".repeat(ways.size)}`);
for (const path of positionals.length ? positionals : PATHS) print(await row(path));

/** Measures all ways in turns; returns the median of each, and its ratio to a new instance each time. */
async function row(path: string): Promise<string> {
  const apps = new Map<string, App>();
  for (const [name, load] of ways) apps.set(name, await load());
  const times = new Map<string, number[]>([...apps.keys()].map((name) => [name, []]));
  for (let turn = -WARM_UP; turn < Number(values.turns); turn++) {
    for (const [name, app] of apps) {
      const took = await cost(app, path);
      await new Promise((resolve) => setTimeout(resolve)); // V8 hands compiled code over in a turn of its own
      if (turn >= 0) times.get(name)!.push(took);
    }
  }
  for (const app of apps.values()) await app[Symbol.asyncDispose]();
  const medians = [...times.values()].map(median);
  const figures = medians.map((one) => `${one.toFixed(2)} (${(one / medians[0]!).toFixed(3)})`);
  return `| ${path} | ${figures.join(" | ")} |`;
}

/** Milliseconds of processor time of this thread that a request takes. */
async function cost(app: App, path: string): Promise<number> {
  const began = processorTime();
  const response = await app.fetch(new Request(`http://localhost/${path}`));
  const text = await response.text();
  const took = processorTime() - began;
  if (!response.ok) throw new Error(`${path} answered ${response.status} ${text}`);
  return took;
}

/** Milliseconds that this thread has run, in steps of nanoseconds; those of `process.threadCpuUsage()` are 10 ms. */
function processorTime(): number {
  libc.symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, time);
  return Number(time[0]) * 1e3 + Number(time[1]) / 1e6;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
