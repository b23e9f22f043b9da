import { ROOT } from "../_graph.ts";

/** Path of the built Rust guest. */
export const GUEST = new URL("testdata/built/rust.wasm", ROOT).pathname;

/** An empty folder, which is removed in the end. */
export async function emptyFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Result of a command that has ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, with nothing on its standard input. */
export async function command(
  name: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(name, {
    args: [...args],
    ...options,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a command that has to succeed; returns what it has written. */
export async function succeed(...parameters: Parameters<typeof command>): Promise<string> {
  const { code, stdout, stderr } = await command(...parameters);
  if (code) {
    throw new Error(`${parameters.slice(0, 2).flat().join(" ")}: ${code}\n${stdout}${stderr}`);
  }
  return stdout;
}

/** A process that serves; ends with the test. */
export interface Serving extends AsyncDisposable {
  readonly pid: number;
  /** Resolves with the status of the process when it and all that have its standard output have ended. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** Scheme, host and port that it listens on. */
  readonly url: string;
  /** What it has written to its standard output until then. */
  readonly said: string;
  /** Sends a signal; resolves with the status that the process ends with. */
  end(signal: Deno.Signal): Promise<Deno.CommandStatus>;
}

/** Options of {@linkcode serving}. */
export interface ServingOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** Starts a command that serves, and waits until it says where it listens. */
export async function serving(
  name: string,
  args: readonly string[],
  options: ServingOptions = {},
): Promise<Serving> {
  const child = new Deno.Command(name, {
    args: [...args],
    ...options,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = "";
  let found;
  while (!(found = /^Listening on (\S+)\n/m.exec(text))) {
    const { value, done } = await output.next();
    if (done) throw new Error(`It ended before it listened: ${text}`);
    text += value;
  }
  const ended = (async () => {
    while (!(await output.next()).done);
    return await child.status;
  })();
  return {
    pid: child.pid,
    ended,
    url: found[1]!,
    said: text,
    async end(signal) {
      child.kill(signal);
      return await ended;
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM"); // SIGKILL would leave the process behind that node has started
      } catch {
        // It has ended.
      }
      await ended;
    },
  };
}
