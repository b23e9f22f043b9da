import { HELLO } from "./cases.ts";

const ROOT = new URL("../", import.meta.url);
const MANIFEST = new URL("fastly.toml", import.meta.url).pathname;
/** How long a server may take to its first response: the official host compiles large programs for seconds. */
const MAX_START_MILLIS = 60_000;
const POLL_MILLIS = 2;

/** A host of guests, as the command that serves one. */
export interface Host {
  readonly name: string;
  readonly command: string;
  args(wasm: string, port: number): string[];
}

/** Where the manifest has the guests' backend. */
const ORIGIN_PORT = 47613;

/** Starts the guests' backend and waits until it answers; it ends with what is answered. */
export async function startOrigin(): Promise<Disposable> {
  const program = new URL("bench/origin.ts", ROOT).href;
  const args = ["run", "-A", "--no-check", program, `${ORIGIN_PORT}`];
  const process = new Deno.Command(Deno.execPath(), { args }).spawn();
  while (!await answers(`http://127.0.0.1:${ORIGIN_PORT}/`)) await poll();
  return { [Symbol.dispose]: () => process.kill() };
}

/** This project, from source. */
export const FASTLIKE: Host = {
  name: "fastlike",
  command: Deno.execPath(),
  args: (wasm, port) => [
    ...["run", "-A", "--no-check", new URL("cli.ts", ROOT).href],
    ...["--wasm", wasm, "--bind", `127.0.0.1:${port}`, "-C", MANIFEST],
  ],
};

/** The official host, where it is installed. */
export const VICEROY: Host = {
  name: "viceroy",
  command: "viceroy",
  args: (wasm, port) => ["serve", "-C", MANIFEST, "--addr", `127.0.0.1:${port}`, wasm],
};

/** A host that serves a guest in a process of its own. */
export interface Server extends AsyncDisposable {
  /** Its scheme, host and port. */
  readonly origin: string;
  /** From the start of the process to its first response. */
  readonly startMillis: number;
  readonly pid: number;
  /** The largest resident memory so far, in bytes, where the system tells. */
  peakMemory(): number | undefined;
  /** Asks it to end, as Ctrl-C does, and answers its exit status. */
  end(): Promise<number>;
}

/**
 * Starts a host and waits for its first 200.
 *
 * @param flags Further ones, after all others.
 * @throws {Error} If it ends before; the message is its last word.
 */
export async function start(
  host: Host,
  wasm: string,
  flags: readonly string[] = [],
): Promise<Server> {
  const port = freePort();
  const origin = `http://127.0.0.1:${port}`;
  const begin = performance.now();
  const process = new Deno.Command(host.command, {
    args: [...host.args(wasm, port), ...flags],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null", // whoever reads it would take time from the server
    stderr: "piped",
  }).spawn();
  const lastWords = collect(process.stderr);
  let ended = false;
  process.status.then(() => ended = true);
  const stop = async () => {
    if (!ended) process.kill("SIGKILL");
    await process.status;
    await lastWords;
  };
  while (!ended && !await answers(origin + HELLO.path)) {
    if (performance.now() - begin > MAX_START_MILLIS) {
      await stop();
      throw new Error(`Cannot start ${host.name}: no response in ${MAX_START_MILLIS / 1000} s`);
    }
    await poll();
  }
  if (ended) throw new Error(firstLineOf(await lastWords));
  return {
    origin,
    pid: process.pid,
    startMillis: performance.now() - begin,
    peakMemory: () => peakMemory(process.pid),
    async end() {
      process.kill("SIGINT");
      return (await process.status).code;
    },
    [Symbol.asyncDispose]: stop,
  };
}

function poll(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
}

/** Whether a tool is on the path. */
export async function isInstalled(command: string): Promise<boolean> {
  try {
    await new Deno.Command(command, { args: ["--version"] }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(MAX_START_MILLIS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** A TCP port that nobody listens on now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function peakMemory(pid: number): number | undefined {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(
      Deno.readTextFileSync(`/proc/${pid}/status`),
    ) ?? [];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    if (text.length < 4096) text += chunk;
  }
  return text;
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\S+\s+/;

function firstLineOf(text: string): string {
  const lines = text.split("\n").map((line) => line.replace(TIMESTAMP, "").trim()).filter(Boolean);
  return lines.find((line) => /error|cannot|unknown|unable/i.test(line)) ?? lines[0] ?? "It ended";
}
