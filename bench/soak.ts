// Sends many requests of every kind, valid and not, and checks for leaks:
//
//   deno task soak [requests] [flags…]
//
// Flags are those of the executable, as --workers 2 --store redis://localhost:6379. Fails if the memory at the end is more
// than a tenth above that after the first tenth, if a socket, a running instance or a waiting request is left, if a response
// was wrong, or if the process does not exit with 0.
import { FASTLIKE, freePort, type Server, start } from "./server.ts";

const CLIENTS = 32;
const PARTS = 10;
const MAX_GROWTH = 1.1;

/** Requests: path, share in percent, and expected statuses. */
const MIX: readonly (readonly [path: string, weight: number, ...statuses: number[]])[] = [
  ["/hello", 49, 200],
  ["/proxy/cached", 8, 200],
  ["/proxy/fresh", 8, 200],
  ["/headers", 8, 200],
  ["/stream", 6, 200],
  ["/trap", 2, 500],
  ["/exit", 2, 500],
  ["/kv/put?key=a", 4, 200],
  ["/kv/get?key=a", 5, 200, 404],
  ["/rate/check?entry=a&delta=1&limit=100", 3, 200],
  ["/cache/insert?key=a&keys=k", 2, 200],
  ["/cache/lookup?key=a", 2, 200, 404],
  ["/cache/purge?key=k", 1, 200],
];
const REQUESTS = MIX.flatMap(([path, weight, ...statuses]) =>
  Array.from({ length: weight }, () => ({ path, statuses }))
);

/** Settings of {@linkcode soak}. */
export interface SoakSettings {
  readonly requests: number;
  /** Flags of the executable. */
  readonly flags: readonly string[];
  /** Memory at the end, as a multiple of that after the first tenth. */
  readonly maxGrowth: number;
  readonly print: (line: string) => void;
}

/** @returns What is wrong, in words. */
export async function soak({ requests, flags, maxGrowth, print }: SoakSettings): Promise<string[]> {
  await using origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const control = url.endsWith("/cached") ? "max-age=1" : "no-store";
    return new Response("Hello from the origin\n", { headers: { "cache-control": control } });
  });
  const connections = Deno.createHttpClient({});
  const admin = `127.0.0.1:${freePort()}`;
  const wasm = new URL("../testdata/built/rust.wasm", import.meta.url).pathname;
  const backend = `origin=http://127.0.0.1:${origin.addr.port}`;
  const all = ["--admin", admin, "--backend", backend, "--kv", "settings", ...flags];
  await using server = await start(FASTLIKE, wasm, all);
  const run = new Soak(server, admin, connections);
  await run.begin();
  const memory: number[] = [];
  for (let part = 1; part <= PARTS; part++) {
    const until = Math.floor((requests * part) / PARTS);
    await Promise.all(Array.from({ length: CLIENTS }, () => run.client(until)));
    memory.push(run.memory());
    print(`${until} requests: ${Math.round(memory.at(-1)! / 2 ** 20)} MiB`);
  }
  connections.close();
  await origin.shutdown();
  const left = await run.leftOver();
  const code = await server.end();
  const growth = memory.at(-1)! / memory[0]!;
  print(`memory: ${growth.toFixed(2)} times that of the first tenth`);
  return [
    ...run.wrong,
    ...growth > maxGrowth ? [`memory has grown to ${growth.toFixed(2)} times`] : [],
    ...left,
    ...code === 0 ? [] : [`exit status ${code}`],
  ];
}

/** One run, with the processes that serve. */
class Soak {
  readonly wrong: string[] = [];
  readonly #server: Server;
  readonly #admin: string;
  readonly #connections: Deno.HttpClient;
  #pids: number[] = [];
  #idle = 0;
  #at = 0;

  constructor(server: Server, admin: string, connections: Deno.HttpClient) {
    this.#server = server;
    this.#admin = admin;
    this.#connections = connections;
  }

  /** Waits until all workers serve, and counts sockets. */
  async begin(): Promise<void> {
    const children = await Deno.readTextFile(
      `/proc/${this.#server.pid}/task/${this.#server.pid}/children`,
    );
    const workers = children.split(" ").filter(Boolean).map(Number);
    while (workers.length && await this.#gauge("fastlike_workers") < workers.length) await pause();
    this.#pids = [this.#server.pid, ...workers];
    this.#idle = this.#sockets();
  }

  /** Sends requests until all clients together have sent `until`; disconnects during one in a hundred. */
  async client(until: number): Promise<void> {
    while (this.#at < until) {
      const { path, statuses } = REQUESTS[this.#at++ * 37 % REQUESTS.length]!;
      const leaves = this.#at % 100 === 0;
      try {
        const signal = leaves ? AbortSignal.timeout(1) : null;
        const init = /put|insert/.test(path) ? { method: "PUT", body: "x".repeat(100) } : {};
        const client = this.#connections;
        const response = await fetch(this.#server.origin + path, { ...init, signal, client });
        await response.arrayBuffer();
        if (!statuses.includes(response.status)) this.wrong.push(`${path}: ${response.status}`);
      } catch (error) {
        if (!leaves) this.wrong.push(`${path}: ${error}`);
      }
    }
  }

  /** Resident memory of all processes, in bytes. */
  memory(): number {
    return this.#pids.reduce((sum, pid) => sum + memoryOf(pid), 0);
  }

  /** Returns what is left once connections of clients and to the origin are closed. */
  async leftOver(): Promise<string[]> {
    const patience = performance.now() + 30_000;
    for (;;) {
      const sockets = this.#sockets() - this.#idle;
      const running = await this.#running();
      if (sockets <= 0 && running === 0) return [];
      if (performance.now() > patience) {
        return [`${sockets} sockets and ${running} instances at work or requests are left`];
      }
      await pause();
    }
  }

  /** Returns the number of running instances, waiting requests and unanswered requests. */
  async #running(): Promise<number> {
    return await this.#gauge("fastlike_instances_live") -
      await this.#gauge("fastlike_instances_idle") +
      await this.#gauge("fastlike_requests_queued") +
      await this.#gauge("fastlike_http_requests_in_flight");
  }

  async #gauge(name: string): Promise<number> {
    const text = await (await fetch(`http://${this.#admin}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)![1]);
  }

  #sockets(): number {
    return this.#pids.reduce((sum, pid) => sum + socketsOf(pid), 0);
  }
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

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

if (import.meta.main) {
  const [requests = "1000000", ...flags] = Deno.args;
  const print = (line: string) => {
    Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  };
  const wrong = await soak({ requests: Number(requests), flags, maxGrowth: MAX_GROWTH, print });
  for (const line of wrong.slice(0, 20)) print(line);
  if (wrong.length) Deno.exit(1);
}
