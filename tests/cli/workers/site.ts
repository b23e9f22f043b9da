/**
 * The executable with several workers, which tests find and end by the system alone, as users would.
 *
 * @module
 */
import { administered, type CliOptions, type Process } from "../../process.ts";
import { Wire } from "../../server/wire.ts";

/** A worker as the system sees it. */
interface WorkerSeen {
  /** Number of its place. */
  readonly id: number;
  readonly pid: number;
}

/** A served site with its workers. */
export class WorkersSite implements AsyncDisposable {
  readonly cli: Process;
  readonly url: string;
  /** URL of the administration. */
  readonly admin: string;
  readonly port: number;

  private constructor(cli: Process, url: string, admin: string) {
    this.cli = cli;
    this.url = url;
    this.admin = admin;
    this.port = Number(new URL(url).port);
  }

  /** Starts the executable on a free port; resolves when all its workers serve. */
  static async start(workers: number, args: readonly string[], options?: CliOptions) {
    const { cli, url, admin } = await administered([...args, "--workers", `${workers}`], options);
    return new WorkersSite(cli, url, admin);
  }

  /** Returns the workers in the order of their places. */
  async workers(): Promise<WorkerSeen[]> {
    const found = await childrenOf(this.cli.pid);
    return found.sort((a, b) => a.id - b.id);
  }

  /** Resolves when there are so many workers again that serve. */
  async whole(workers: number): Promise<void> {
    await until(async () => (await this.metric("fastlike_workers")) === workers);
  }

  /** The value of a metric; undefined if there is none of this name, or with these labels. */
  async metric(name: string, query = ""): Promise<number | undefined> {
    const text = await (await fetch(`${this.admin}/metrics${query}`)).text();
    const line = text.split("\n").find((line) => line.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  }

  /** Waits for a line of the log. */
  async told(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = await this.cli.line("stderr");
      if (pattern.test(line)) return line;
    }
  }

  /** A connection to one worker, which has answered a request. */
  connectTo(worker: WorkerSeen): Promise<Kept> {
    return this.withOnly(worker, async () => {
      const kept = new Kept(await Wire.open(this.port));
      await kept.get("/hello");
      return kept;
    });
  }

  /** Stops all other workers during `use`, so that this one accepts the connections. */
  async withOnly<T>(worker: WorkerSeen, use: () => Promise<T>): Promise<T> {
    const others = (await this.workers()).filter(({ pid }) => pid !== worker.pid);
    for (const { pid } of others) Deno.kill(pid, "SIGSTOP");
    try {
      return await use();
    } finally {
      for (const { pid } of others) Deno.kill(pid, "SIGCONT");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of await this.workers()) signal(pid, "SIGCONT");
    await this.cli[Symbol.asyncDispose]();
  }
}

/** A kept connection. It stays with its worker, but for a response that closes it. */
export class Kept implements Disposable {
  readonly wire: Wire;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** Sends a request without waiting for its response. */
  async send(target: string, { method = "GET", body = "" } = {}): Promise<void> {
    await this.wire.send(
      `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  }

  /** Receives a response of a request that was sent. It tells whether the connection closes. */
  async receive(): Promise<{ status: number; text: string; closes: boolean }> {
    const head = await this.wire.until("\r\n\r\n");
    const [, length] = /^content-length: *(\d+)/im.exec(head) ?? [];
    const text = length === undefined ? await this.#chunks() : await this.wire.exactly(+length);
    return { status: Number(head.slice(9, 12)), text, closes: /^connection: *close/im.test(head) };
  }

  async get(target: string, init?: { method?: string; body?: string }) {
    await this.send(target, init);
    return await this.receive();
  }

  async #chunks(): Promise<string> {
    for (let text = "";;) {
      const length = parseInt(await this.wire.until("\r\n"), 16);
      const chunk = await this.wire.exactly(length);
      await this.wire.until("\r\n");
      if (!length) return text;
      text += chunk;
    }
  }

  [Symbol.dispose](): void {
    this.wire.close();
  }
}

/** A client that keeps its connection, and opens another one after a response that closes it. */
export class Client implements Disposable {
  readonly #port: number;
  #kept: Kept | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async get(target: string): Promise<{ status: number; text: string }> {
    this.#kept ??= new Kept(await Wire.open(this.#port));
    const response = await this.#kept.get(target);
    if (response.closes) this[Symbol.dispose]();
    return response;
  }

  [Symbol.dispose](): void {
    this.#kept?.[Symbol.dispose]();
    this.#kept = undefined;
  }
}

/** Tries again and again until the condition holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Sends a signal to a process, which may have ended. */
export function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/** Whether a process is there, and not only its exit status. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
}

/** Workers of a supervisor. */
export async function childrenOf(parent: number): Promise<WorkerSeen[]> {
  const found: WorkerSeen[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    const [, ppid] = /\) \S (\d+) /.exec(stat) ?? [];
    if (Number(ppid) !== parent) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    const [, id] = /--as-worker=(\d+)/.exec(line) ?? [];
    if (id) found.push({ id: Number(id), pid: Number(name) });
  }
  return found;
}

/** Tests of workers look at processes where Linux tells of them. */
export const ON_LINUX = { ignore: Deno.build.os !== "linux" };
