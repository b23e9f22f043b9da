import { assertMatch } from "./assert.ts";
import { CLI, type Ended, type Place, ROOT, runCli } from "./cli/commands.ts";

/** Standard output of a process, or its standard error. */
type Stream = "stdout" | "stderr";

/** Working directory, variables and end of a process. */
export interface ProcessOptions extends Place {
  /** Signal that ends the process with the test, `SIGKILL` by default. */
  readonly last?: Deno.Signal;
}

/** Exit status of a process, with the output that had not been taken line by line. */
interface ProcessEnd {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Output of a process, read as it comes, so that the process never waits for its reader. */
class Output {
  readonly #ended: Promise<void>;
  #text = "";
  #taken = 0;
  #over = false;
  #more = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#ended = this.#read(stream);
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
      this.#wake();
    }
    this.#over = true;
    this.#wake();
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  /** All output so far. */
  get text(): string {
    return this.#text;
  }

  /** Output that `line` has not taken, once the process has ended. */
  async rest(): Promise<string> {
    await this.#ended;
    return this.#text.slice(this.#taken);
  }

  /** Takes lines up to the first that matches; undefined if the process ends before. */
  async line(pattern: RegExp): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n", this.#taken);
      if (end >= 0) {
        const line = this.#text.slice(this.#taken, end);
        this.#taken = end + 1;
        if (pattern.test(line)) return line;
      } else if (this.#over) return undefined;
      else await this.#more.promise;
    }
  }

  /** Waits until all the output has a match; undefined if the process ends before. */
  async until(pattern: RegExp): Promise<RegExpExecArray | undefined> {
    for (;;) {
      const found = pattern.exec(this.#text);
      if (found || this.#over) return found ?? undefined;
      await this.#more.promise;
    }
  }
}

/** Process that ends with its test. Nothing is on its standard input. */
export class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #last: Deno.Signal;
  readonly #output: Readonly<Record<Stream, Output>>;

  constructor(program: string, args: readonly string[], options: ProcessOptions = {}) {
    const { cwd, env, last = "SIGKILL" } = options;
    this.#last = last;
    this.#child = new Deno.Command(program, {
      args: [...args],
      ...cwd !== undefined && { cwd },
      env: { NO_COLOR: "1", FASTLIKE_CODE_CACHE: "off", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { stdout, stderr } = this.#child;
    this.#output = { stdout: new Output(stdout), stderr: new Output(stderr) };
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Returns all that it has printed so far. */
  printed(stream: Stream = "stdout"): string {
    return this.#output[stream].text;
  }

  /** Takes the lines up to the first that matches, which is the next one by default. */
  async line(stream: Stream = "stdout", pattern = /^/): Promise<string> {
    return await this.#output[stream].line(pattern) ?? await this.#fail(pattern);
  }

  /** Waits until it has printed a match; takes no line. */
  async until(pattern: RegExp, stream: Stream = "stdout"): Promise<RegExpExecArray> {
    return await this.#output[stream].until(pattern) ?? await this.#fail(pattern);
  }

  async #fail(pattern: RegExp): Promise<never> {
    await this.end();
    throw new Error(
      `The process ended before it printed ${pattern}:\n${this.printed()}${this.printed("stderr")}`,
    );
  }

  /** Takes the lines up to the one with the address of the executable; returns the URL, without a slash at its end. */
  async url(): Promise<string> {
    const line = await this.line("stdout", /^Listening on /);
    assertMatch(line, /^Listening on https?:\/\/\S+:[0-9]+$/);
    return line.slice("Listening on ".length);
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Waits until the process has ended, by itself or by a signal that was sent. */
  async end(): Promise<ProcessEnd> {
    const { code, signal } = await this.#child.status;
    const { stdout, stderr } = this.#output;
    return { code, signal, stdout: await stdout.rest(), stderr: await stderr.rest() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal(this.#last);
    } catch {
      // It has ended.
    }
    await this.end();
  }
}

/** Options of {@linkcode Cli}. */
export interface CliOptions extends ProcessOptions {
  /** Deno's own flags; by default everything is allowed. */
  readonly permissions?: readonly string[];
  /** Maximum number of open files of the process and its children. */
  readonly openFiles?: number;
}

/** Process of the executable. */
export class Cli extends Process {
  constructor(args: readonly string[], options: CliOptions = {}) {
    const { permissions = ["--allow-all"], openFiles } = options;
    const command = [Deno.execPath(), "run", "--no-check", ...permissions, CLI, ...args];
    const limit = ["sh", "-c", `ulimit -n ${openFiles} && exec "$@"`, "sh"];
    const [program, ...rest] = openFiles === undefined ? command : [...limit, ...command];
    super(program!, rest, options);
  }
}

/** Executable that serves, in a process of its own. */
export class CliServer implements AsyncDisposable {
  readonly cli: Process;
  /** Scheme, host and port. */
  readonly url: string;

  private constructor(cli: Process, url: string) {
    this.cli = cli;
    this.url = url;
  }

  /** Waits until a process of the executable serves; ends it if it does not. */
  static async of(cli: Process): Promise<CliServer> {
    try {
      return new CliServer(cli, await cli.url());
    } catch (error) {
      await cli[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts the executable on a free port of localhost. */
  static start(args: readonly string[], options?: CliOptions): Promise<CliServer> {
    return CliServer.of(new Cli([...args, "--bind", "localhost:0"], options));
  }

  /** Sends a request; returns its response with the body as text. */
  async ask(path: string, init?: RequestInit): Promise<Answer> {
    const response = await fetch(this.url + path, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** Sends a signal, and waits until the process has ended. */
  end(signal: Deno.Signal): Promise<ProcessEnd> {
    this.cli.signal(signal);
    return this.cli.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cli[Symbol.asyncDispose]();
  }
}

/** Response whose body has been read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Runs the executable to its end. */
export function run(...args: string[]): Promise<Ended> {
  return runCli(args);
}

/** Starts the executable with the Rust guest, at 127.0.0.1. */
export function serveRust(flags: readonly string[], options?: CliOptions): Promise<CliServer> {
  const guest = `${ROOT}/testdata/built/rust.wasm`;
  return CliServer.of(new Cli([guest, "--bind", "127.0.0.1:0", ...flags], options));
}

/** Starts the executable with a listener for administration; returns that one's URL, too. */
export async function administered(
  args: readonly string[],
  options?: CliOptions,
): Promise<{ cli: Process; url: string; admin: string }> {
  const { cli, url } = await CliServer.start([...args, "--admin", "localhost:0"], options);
  const line = await cli.line("stderr", /\binfo\S* Health and metrics are on /);
  return { cli, url, admin: line.slice(line.lastIndexOf(" ") + 1) };
}
