import { HELLO } from "./cases.ts";

const ROOT = new URL("../", import.meta.url);
const MANIFEST = new URL("fastly.toml", import.meta.url).pathname;
/** Longest time to a server's first response, in milliseconds: the official host compiles large programs for seconds. */
const MAX_START_MILLIS = 60_000;
const POLL_MILLIS = 2;

/** A host, as the command that serves a guest. */
export interface Host {
  readonly name: string;
  readonly command: string;
  args(wasm: string, port: number): string[];
}

/** Port of the guests' backend in the manifest. */
const ORIGIN_PORT = 47613;

/** Starts the guests' backend and waits until it answers; disposing the result ends it. */
export async function startOrigin(): Promise<Disposable> {
  const program = new URL("bench/origin.ts", ROOT).href;
  const args = ["run", "-A", "--no-check", program, `${ORIGIN_PORT}`];
  const process = new Deno.Command(Deno.execPath(), { args }).spawn();
  while (!await answers(`http://127.0.0.1:${ORIGIN_PORT}/`)) await poll();
  return { [Symbol.dispose]: () => process.kill() };
}

/** This project, run from source. */
export const FASTLIKE: Host = fastlike("fastlike", "cli.ts");

/** This project as one file, which `deno install` takes: `deno task bundle` makes it. */
export const INSTALLED: Host = fastlike("fastlike, installed", "dist/fastlike-cli.js");

function fastlike(name: string, file: string): Host {
  return {
    name,
    command: Deno.execPath(),
    args: (wasm, port) => [
      ...["run", "-A", "--no-check", new URL(file, ROOT).href],
      ...["--wasm", wasm, "--bind", `127.0.0.1:${port}`, "-C", MANIFEST],
    ],
  };
}

/** The official host, if it is installed. */
export const VICEROY: Host = {
  name: "viceroy",
  command: "viceroy",
  args: (wasm, port) => ["serve", "-C", MANIFEST, "--addr", `127.0.0.1:${port}`, wasm],
};

/** A process that serves a guest. */
export interface Server extends AsyncDisposable {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Time from the start of the process to its first response, in milliseconds. */
  readonly startMillis: number;
  readonly pid: number;
  /** Returns the largest resident memory so far, in bytes; undefined if the system does not report it. */
  peakMemory(): number | undefined;
  /** Sends SIGINT, as Ctrl-C does; resolves to the exit status. */
  end(): Promise<number>;
}

/**
 * Starts a host and waits for its first 200.
 *
 * @param flags Further flags, after all others.
 * @throws {Error} If it exits before; the message is the end of its output.
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
    stdout: "null", // reading it would take processor time from the server
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

/** Whether a tool is installed. */
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

/** Returns a free TCP port. */
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
