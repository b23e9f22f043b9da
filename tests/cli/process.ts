import { assertMatch } from "../assert.ts";
import { CLI, type Place } from "./commands.ts";

/** Where and how a process runs. */
export interface Setting extends Place {
  /** Deno's own flags; by default it may do everything. */
  readonly permissions?: readonly string[];
  /** Maximum number of open files of the process and its children. */
  readonly openFiles?: number;
}

/** What a process prints, read as it comes. */
class Printed {
  readonly #stream: ReadableStream<Uint8Array>;
  readonly #ended: Promise<void>;
  #text = "";
  #over = false;
  #wake = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#stream = stream;
    this.#ended = this.#read();
  }

  async #read(): Promise<void> {
    for await (const text of this.#stream.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
      this.#wake.resolve();
    }
    this.#over = true;
    this.#wake.resolve();
  }

  /** Takes the first line; undefined if the process ends before there is one. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const [line, ...rest] = this.#text.split("\n");
      if (rest.length) {
        this.#text = rest.join("\n");
        return line;
      }
      if (this.#over) return undefined;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }

  /** What has not been taken, when the process has ended. */
  async rest(): Promise<string> {
    await this.#ended;
    return this.#text;
  }
}

/** A process of the executable. */
export class Cli implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Printed;
  readonly #stderr: Printed;

  constructor(args: readonly string[], setting: Setting = {}) {
    const { permissions = ["--allow-all"], openFiles, ...place } = setting;
    const limit = ["sh", "-c", `ulimit -n ${openFiles} && exec "$@"`, "sh"];
    const [program, ...rest] = [
      ...openFiles === undefined ? [] : limit,
      ...[Deno.execPath(), "run", "--no-check", ...permissions, CLI, ...args],
    ];
    this.#child = new Deno.Command(program!, {
      args: rest,
      ...place,
      env: { NO_COLOR: "1", ...place.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdout = new Printed(this.#child.stdout);
    this.#stderr = new Printed(this.#child.stderr);
  }

  /** The first line of standard output, or of standard error, that has not been read yet. */
  async line(stream: "stdout" | "stderr" = "stdout"): Promise<string> {
    const line = await (stream === "stdout" ? this.#stdout : this.#stderr).line();
    if (line === undefined) throw new Error(`The process ended: ${await this.#stderr.rest()}`);
    return line;
  }

  /** Number of the process. */
  get pid(): number {
    return this.#child.pid;
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  async end(): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code } = await this.#child.status;
    return { code, stdout: await this.#stdout.rest(), stderr: await this.#stderr.rest() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.end();
  }
}

/** Runs the executable to its end. */
export async function run(
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using cli = new Cli(args);
  return await cli.end();
}

/** The CLI serving a guest, with its URL. */
export async function serving(...args: string[]): Promise<{ cli: Cli; url: string }> {
  return await served(new Cli([...args, "--bind", "localhost:0"]));
}

/** The CLI, once it serves at `localhost`. */
export async function served(cli: Cli): Promise<{ cli: Cli; url: string }> {
  const line = await cli.line();
  assertMatch(line, /^Listening on http:\/\/localhost:[0-9]+$/);
  return { cli, url: line.slice("Listening on ".length) };
}

/** The CLI serving a guest, with its URL and that of its administration. */
export async function administered(
  ...args: string[]
): Promise<{ cli: Cli; url: string; admin: string }> {
  const { cli, url } = await serving(...args, "--admin", "localhost:0");
  const [, admin] = /^info: Health and metrics are on (\S+)$/.exec(await cli.line("stderr"))!;
  return { cli, url, admin: admin! };
}
