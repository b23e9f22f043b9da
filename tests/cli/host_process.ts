import { CLI } from "./commands.ts";

const RUST = new URL("../../testdata/built/rust.wasm", import.meta.url).pathname;

/** A host in a process of its own. */
export interface HostProcess extends AsyncDisposable {
  readonly url: string;
  /** What it has written to its standard error so far. */
  readonly told: string[];
  /** Asks for a path; gives status and body. */
  ask(
    path: string,
    init?: RequestInit,
  ): Promise<{ readonly status: number; readonly text: string }>;
  kill(signal: Deno.Signal): void;
}

/**
 * Starts a host that serves the Rust guest on a free port.
 *
 * @param flags Flags besides `--bind`.
 */
export async function startHost(
  flags: readonly string[],
  { cwd, env }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<HostProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CLI, RUST, "--bind", "127.0.0.1:0", ...flags],
    ...cwd && { cwd },
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const told: string[] = [];
  const started = Promise.withResolvers<string>();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        told.push(line);
        const url = /^Listening on (\S+)$/.exec(line)?.[1];
        if (url) started.resolve(url.replace(/\/$/, ""));
      }
    }
  };
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.status]);
  ended.then(() => started.reject(new Error(`The host has ended:\n${told.join("\n")}`)));
  const url = await started.promise;
  return {
    url,
    told,
    async ask(path, init) {
      const response = await fetch(url + path, init);
      return { status: response.status, text: await response.text() };
    },
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await ended;
    },
  };
}
