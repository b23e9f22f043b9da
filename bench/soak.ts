// Sends many requests of every kind, valid and not, to one process, and checks for leaks:
//
//   deno task soak [requests]
//
// Fails if the memory at the end is more than a tenth above that after the first tenth, if a socket, a running instance or
// a waiting request is left, if a response was wrong, or if the process does not exit with 0.
import { FASTLIKE, freePort, start, startOrigin } from "./server.ts";

const REQUESTS = Number(Deno.args[0] ?? 1_000_000);
const CLIENTS = 32;
const PARTS = 10;
const MAX_GROWTH = 1.1;

/** Requests: path, share in percent, and expected status. */
const MIX: readonly (readonly [path: string, weight: number, status: number])[] = [
  ["/hello", 60, 200],
  ["/proxy/cached", 10, 200],
  ["/proxy/fresh", 10, 200],
  ["/headers", 10, 200],
  ["/stream", 6, 200],
  ["/trap", 2, 500],
  ["/exit", 2, 500],
];
const PATHS = MIX.flatMap(([path, weight, status]) =>
  Array.from({ length: weight }, () => ({ path, status }))
);

const origin = await startOrigin();
const connections = Deno.createHttpClient({});
const wasm = new URL("../testdata/built/rust.wasm", import.meta.url).pathname;
const admin = `127.0.0.1:${freePort()}`;
const server = await start(FASTLIKE, wasm, ["--admin", admin]);
const idle = socketsOf(server.pid);
const memory: number[] = [];
let wrong = 0;
let at = 0;
for (let part = 1; part <= PARTS; part++) {
  const until = Math.floor((REQUESTS * part) / PARTS);
  await Promise.all(Array.from({ length: CLIENTS }, () => client(until)));
  memory.push(memoryOf(server.pid));
  print(`${until} requests: ${Math.round(memory.at(-1)! / 2 ** 20)} MiB, ${wrong} wrong answers`);
}
connections.close();
origin[Symbol.dispose]();
const left = await leftOver();
const running = await runningNow();
const code = await server.end();
const growth = memory.at(-1)! / memory[0]!;
print(`memory: ${growth.toFixed(2)} times that of the first tenth`);
print(`left: ${left} sockets, ${running} instances at work or requests; exit status: ${code}`);
if (growth > MAX_GROWTH || left > 0 || running > 0 || wrong > 0 || code !== 0) Deno.exit(1);

/** Sends requests until all clients together have sent `until`; disconnects during one in a hundred. */
async function client(until: number): Promise<void> {
  while (at < until) {
    const { path, status } = PATHS[at++ * 37 % PATHS.length]!;
    const leaves = at % 100 === 0;
    try {
      const signal = leaves ? AbortSignal.timeout(1) : null;
      const response = await fetch(server.origin + path, { signal, client: connections });
      await response.arrayBuffer();
      if (response.status !== status) wrong++;
    } catch {
      if (!leaves) wrong++;
    }
  }
}

/** Returns the number of sockets beyond those at the start, once connections of clients and to the origin are closed. */
async function leftOver(): Promise<number> {
  const patience = performance.now() + 30_000;
  for (;;) {
    const left = socketsOf(server.pid) - idle;
    if (left <= 0 || performance.now() > patience) return Math.max(0, left);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Returns the number of running instances, waiting requests and unanswered requests. */
async function runningNow(): Promise<number> {
  const text = await (await fetch(`http://${admin}/metrics`)).text();
  const gauge = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)![1]);
  return gauge("fastlike_instances_live") - gauge("fastlike_instances_idle") +
    gauge("fastlike_requests_queued") + gauge("fastlike_http_requests_in_flight");
}

function socketsOf(pid: number): number {
  let count = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      if (Deno.readLinkSync(`/proc/${pid}/fd/${name}`).startsWith("socket:")) count++;
    } catch {
      // the descriptor was closed meanwhile
    }
  }
  return count;
}

/** Returns the resident memory of a process, in bytes. */
function memoryOf(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return Number(kibibytes) * 1024;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}
