// Shows what a request costs, by part, and what the floor is:
//
//   deno run -A bench/cost.ts [guest...]
//
// Over sockets: the server's processor time for a request, from /proc (Linux), while `wrk` keeps it busy; of several
// turns the least, since other work on the machine only adds. Inside one process, without sockets: wall-clock time of
// each part of a request, of which the tenth percentile counts, for the same reason.
import { HELLO, PROXIED } from "./cases.ts";
import { wrk } from "./load.ts";
import { FASTLIKE, start, startOrigin } from "./server.ts";
import { Fastlike } from "../mod.ts";
import { HttpVersion, type RequestHead } from "../service/http/exchange.ts";
import { HeaderList } from "../service/http/headers.ts";
import { SyntheticExchange } from "../service/http/synthetic_exchange.ts";
import { Execution } from "../handles/execution.ts";
import { ModuleSlot } from "../wasm/instance_slot.ts";

const TURNS = 6;
const SECONDS = 1;
const WARM_UP_SECONDS = 3;
/** Requests that are measured inside the process, and before that the same number that are not. */
const REQUESTS = { rust: 20_000, javascript: 6000, go: 1000, "rust-2020": 20_000 } as Readonly<
  Record<string, number>
>;
const RANK = 0.1;
/** Clock ticks of /proc in microseconds: 100 a second on every Linux. */
const TICK = 10_000;

/** Request for hello, without a client. */
class Hello extends SyntheticExchange {
  override readonly head: RequestHead = {
    method: "GET",
    url: `http://example.com${HELLO.path}`,
    version: HttpVersion.http11,
    headers: new HeaderList(["host", "example.com"]),
  };
}

const FLOORS: Readonly<Record<string, string>> = {
  socket: "a socket that sends a fixed response",
  front: "this project's HTTP server without a program",
  records: "the same with access records",
};

const guests = Deno.args.length ? Deno.args : Object.keys(REQUESTS);
const wasmOf = (guest: string) => new URL(`../testdata/built/${guest}.wasm`, import.meta.url);

print("Processor time of the server for a request over a socket\n");
print("| | us |\n| --- | --- |");
const origin = await startOrigin();
const served: Served[] = [];
for (const [kind, name] of Object.entries(FLOORS)) served.push(await floor(kind, name));
for (const guest of guests) {
  const server = await start(FASTLIKE, wasmOf(guest).pathname);
  const end = () => server[Symbol.asyncDispose]();
  for (const { name, path } of [HELLO, PROXIED]) {
    served.push({ name: `${guest} ${name}`, url: server.origin + path, pid: server.pid, end });
  }
}
const least = new Map(served.map((one) => [one, Infinity]));
for (const { url } of served) await wrk(url, WARM_UP_SECONDS);
for (let turn = 0; turn < TURNS; turn++) {
  for (const one of served) least.set(one, Math.min(least.get(one)!, await costOf(one)));
}
for (const [one, cost] of least) {
  print(`| ${one.name} | ${cost.toFixed(1)} |`);
  await one.end();
}
origin[Symbol.dispose]();
print("\nTime of each part inside the process\n");
print("| | whole | guest | its hostcalls | number | reset | rest |");
print("| --- | --- | --- | --- | --- | --- | --- |");
for (const guest of guests) print(await parts(guest));
Deno.exit();

/** A server whose processor time is measured. */
interface Served {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  end(): PromiseLike<void>;
}

async function floor(kind: string, name: string): Promise<Served> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("floor.ts", import.meta.url).href, kind],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = (await reader.read()).value!.trim();
  const end = async () => {
    process.kill("SIGKILL");
    await process.status;
  };
  return { name, url: `http://127.0.0.1:${port}${HELLO.path}`, pid: process.pid, end };
}

/** Returns the processor time of one request, in microseconds. */
async function costOf({ url, pid }: Served): Promise<number> {
  const before = ticksOf(pid);
  const { perSecond } = await wrk(url, SECONDS);
  return (ticksOf(pid) - before) * TICK / (perSecond * SECONDS);
}

/** Processor time that a process has used, in clock ticks. */
function ticksOf(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Samples of one guest, by part, in milliseconds. */
interface Samples {
  readonly whole: number[];
  readonly guest: number[];
  readonly hostcalls: number[];
  readonly reset: number[];
}

async function parts(guest: string): Promise<string> {
  const samples: Samples = { whole: [], guest: [], hostcalls: [], reset: [] };
  const calls = { millis: 0, count: 0 };
  const unpatch = patch(samples, calls);
  await using app = await Fastlike.load(wasmOf(guest), { reuse: "dirty-pages" });
  const count = REQUESTS[guest] ?? 1000;
  for (let i = 0; i < 2 * count; i++) {
    if (i === count) { for (const list of Object.values(samples)) list.length = 0; }
    calls.millis = calls.count = 0;
    const exchange = new Hello();
    const began = performance.now();
    await app.answer(exchange);
    samples.whole.push(performance.now() - began);
    samples.hostcalls.push(calls.millis);
  }
  unpatch();
  const [whole, inGuest, hostcalls, reset] = Object.values(samples).map(low) as [
    number,
    number,
    number,
    number,
  ];
  const own = Math.max(0, inGuest - hostcalls);
  const figures = [whole, own, hostcalls].map((value) => value.toFixed(1));
  const rest = (whole - inGuest - reset).toFixed(1);
  return `| ${guest} | ${figures.join(" | ")} | ${calls.count} | ${reset.toFixed(1)} | ${rest} |`;
}

/** Returns the value at the rank that counts, in microseconds. */
function low(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * RANK)]! * 1000;
}

/** Measures guests, hostcalls that do not suspend, and resets, in all instances that are made from now on. */
function patch(samples: Samples, calls: { millis: number; count: number }): () => void {
  const { reset } = ModuleSlot.prototype;
  const { enter, leave } = Execution.prototype;
  const { Instance } = WebAssembly;
  let entered = 0;
  ModuleSlot.prototype.reset = function (this: ModuleSlot<unknown>) {
    const began = performance.now();
    const done = reset.call(this);
    samples.reset.push(performance.now() - began);
    return done;
  };
  Execution.prototype.enter = function (this: Execution) {
    enter.call(this);
    entered = performance.now();
  };
  Execution.prototype.leave = function (this: Execution) {
    if (entered) samples.guest.push(performance.now() - entered);
    entered = 0;
    leave.call(this);
  };
  WebAssembly.Instance = class extends Instance {
    constructor(module: WebAssembly.Module, imports: WebAssembly.Imports = {}) {
      super(module, timed(imports, calls));
    }
  } as typeof Instance;
  return () => {
    Object.assign(ModuleSlot.prototype, { reset });
    Object.assign(Execution.prototype, { enter, leave });
    WebAssembly.Instance = Instance;
  };
}

function timed(
  imports: WebAssembly.Imports,
  calls: { millis: number; count: number },
): WebAssembly.Imports {
  const modules = Object.entries(imports).map(([module, members]) => {
    const timedMembers = Object.entries(members).map(([name, member]) => {
      if (typeof member !== "function") return [name, member];
      return [name, (...args: unknown[]) => {
        const began = performance.now();
        try {
          return (member as CallableFunction)(...args);
        } finally {
          calls.millis += performance.now() - began;
          calls.count++;
        }
      }];
    });
    return [module, Object.fromEntries(timedMembers)];
  });
  return Object.fromEntries(modules);
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
