import type { BuildChanges } from "./build_changes.ts";

/** Time after which an interrupted build is killed, in milliseconds. */
const GRACE = 2000;

/** Options of a {@linkcode Builder}. */
interface BuildOptions {
  /** Command line for the shell. */
  readonly command: string;
  /** Environment variables besides the process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder in which it runs. By default the working directory. */
  readonly folder?: string;
}

/** Result of a build: `interrupted` if a newer one has replaced it. */
export type BuildResult = "built" | "failed" | "interrupted";

/** Runs a build command, one run at a time; its output goes to the terminal. */
export class Builder implements AsyncDisposable {
  #options: BuildOptions;
  #running: { readonly child: Deno.ChildProcess; interrupted: boolean } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** Number of the newest build. */
  #newest = 0;
  readonly #changes: BuildChanges | undefined;

  /** @param changes Told of the begin and the end of each run. */
  constructor(options: BuildOptions, changes?: BuildChanges) {
    this.#options = options;
    this.#changes = changes;
  }

  /** Options of later builds. */
  set options(options: BuildOptions) {
    this.#options = options;
  }

  /** Starts a build. One that still runs is ended first, with all processes that it has started. */
  build(): Promise<BuildResult> {
    this.#interrupt();
    const number = ++this.#newest;
    const result = this.#last.then(() => this.#run(number));
    this.#last = result.catch(() => {});
    return result;
  }

  async #run(number: number): Promise<BuildResult> {
    if (number !== this.#newest) return "interrupted";
    await this.#changes?.begin();
    try {
      return number === this.#newest ? await this.#command() : "interrupted";
    } finally {
      this.#changes?.end();
    }
  }

  async #command(): Promise<BuildResult> {
    const { command, env = {}, folder } = this.#options;
    const [shell, flag] = Deno.build.os === "windows"
      ? ["cmd", "/c"] as const
      : ["sh", "-c"] as const;
    const child = new Deno.Command(shell, {
      args: [flag, command],
      env: { ...env },
      ...folder !== undefined && { cwd: folder },
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
      detached: Deno.build.os !== "windows", // a process group of its own, which can be ended as a whole
    }).spawn();
    const running = this.#running = { child, interrupted: false };
    const { success } = await child.status;
    if (this.#running === running) this.#running = undefined;
    if (running.interrupted) return "interrupted";
    return success ? "built" : "failed";
  }

  #interrupt(): void {
    const running = this.#running;
    if (!running || running.interrupted) return;
    running.interrupted = true;
    end(running.child, "SIGTERM");
    const timer = setTimeout(() => end(running.child, "SIGKILL"), GRACE);
    running.child.status.finally(() => clearTimeout(timer));
  }

  /** Ends a running build. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#newest++;
    this.#interrupt();
    await this.#last;
  }
}

function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    if (Deno.build.os === "windows") child.kill(signal);
    else Deno.kill(-child.pid, signal);
  } catch {
    // The process has ended meanwhile.
  }
}
