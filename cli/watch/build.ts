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
    const child = start(this.#options);
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

/** Starts a build in a process group of its own, which can be ended as a whole. */
function start({ command, env = {}, folder }: BuildOptions): Deno.ChildProcess {
  const options = {
    env: { ...env },
    ...folder !== undefined && { cwd: folder },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  } as const;
  if (Deno.build.os === "windows") {
    return new Deno.Command("cmd", { ...options, args: ["/c", command] }).spawn();
  }
  const args = ["-c", command];
  try {
    // With `detached` Deno copies its whole process, which holds up all requests for 5 to 30 ms.
    if (mayRun("setsid")) {
      return new Deno.Command("setsid", { ...options, args: ["sh", ...args] }).spawn();
    }
  } catch {
    // This machine has no such program.
  }
  return new Deno.Command("sh", { ...options, args, detached: true }).spawn();
}

function mayRun(command: string): boolean {
  return Deno.permissions.querySync({ name: "run", command }).state === "granted";
}

function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  for (const kill of [() => Deno.kill(-child.pid, signal), () => child.kill(signal)]) {
    try {
      return kill();
    } catch {
      // The process has no group, or none yet; or it has ended meanwhile.
    }
  }
}
