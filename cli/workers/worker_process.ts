import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import type { Readable } from "node:stream";
import { Channel, type ChannelEnd } from "./channel.ts";
import { marked, type OwnCommand } from "./command_line.ts";
import { WholeLines } from "./whole_lines.ts";

/** Number of bytes at the end of standard error that are searched for the reason of a death. */
const TAIL = 8 * 1024;

/** Messages that V8 and Deno print before they end the process, with their meaning. */
const LAST_WORDS: readonly (readonly [RegExp, string])[] = [
  [/JavaScript heap out of memory|Fatal JavaScript out of memory/, "JavaScript ran out of memory"],
  [/Deno has panicked/, "Deno has panicked"],
  [/# Fatal error in/, "a fatal error of V8"],
  [/memory allocation of \d+ bytes failed/, "no memory was left"],
];

/** How a worker has ended. */
export interface Death {
  readonly code: number | null;
  readonly signal: string | null;
  /** Time from the start of the process to its end, in milliseconds. */
  readonly lived: number;
  /** Clause that follows "Worker N" in messages. */
  readonly story: string;
}

/** Settings of a {@linkcode WorkerProcess}. */
interface WorkerStart {
  readonly id: number;
  readonly command: OwnCommand;
  readonly terminals: readonly string[];
  /** Writes whole lines of the worker's output. */
  readonly write: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
}

/** One process of a worker, from its start to its death. */
export class WorkerProcess {
  readonly id: number;
  readonly channel: Channel;
  /** Resolves when the process has ended and all that it printed has been written. */
  readonly ended: Promise<Death>;
  /** Time at which the worker began to serve, by `performance.now()` of this process; undefined before. */
  readySince: number | undefined;
  readonly #child: ChildProcess;
  readonly #started = performance.now();
  #tail = "";

  constructor({ id, command, terminals, write }: WorkerStart) {
    this.id = id;
    const args = [...command.args, marked({ id, terminals }), ...Deno.args];
    this.#child = spawn(command.program, args, {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: Deno.env.toObject(),
      argv0: process.argv0,
    });
    this.channel = new Channel(this.#child as ChannelEnd);
    this.ended = this.#watch(write);
  }

  /** Number of the process; undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Asks the process to end once its running requests have ended. The signal reaches the watchdog when a guest blocks the
   * event loop. `ChildProcess.kill` would also close the channel.
   */
  stop(): void {
    this.channel.tell("stop");
    try {
      if (this.pid !== undefined) Deno.kill(this.pid, "SIGTERM");
    } catch {
      // The process has ended, or signals are not permitted: then it is killed after its deadline.
    }
  }

  /** Ends the process at once. */
  kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }

  async #watch(write: WorkerStart["write"]): Promise<Death> {
    const stdout = new WholeLines((bytes) => write("stdout", bytes));
    const stderr = new WholeLines((bytes) => write("stderr", bytes));
    this.#child.stdout?.on("data", (bytes: Uint8Array) => stdout.take(bytes));
    this.#child.stderr?.on("data", (bytes: Uint8Array) => {
      this.#tail = (this.#tail + new TextDecoder().decode(bytes)).slice(-TAIL);
      // Output that the worker has written before to the other stream is read first: both may be one terminal.
      setTimeout(() => stderr.take(bytes), 0);
    });
    const { stdout: out, stderr: err } = this.#child;
    const printed = Promise.all([out, err].map((stream) => stream && ended(stream)));
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      // Not `close`: that waits for the channel, which may close without an event.
      this.#child.on("exit", (code, signal) => resolve([code, signal]));
      this.#child.on("error", () => this.#child.pid === undefined && resolve([null, null]));
    });
    await printed;
    this.channel.close();
    await new Promise((resolve) => setTimeout(resolve, 0));
    stdout.flush();
    stderr.flush();
    return {
      code,
      signal,
      lived: performance.now() - this.#started,
      story: this.#story(code, signal),
    };
  }

  #story(code: number | null, signal: string | null): string {
    const which = this.pid === undefined ? "" : ` (process ${this.pid})`;
    const how = this.pid === undefined
      ? "could not be started"
      : signal
      ? `was ended by ${signal}`
      : `has ended with status ${code}`;
    const why = LAST_WORDS.find(([words]) => words.test(this.#tail))?.[1];
    return `${which} ${how}${why ? `: ${why}` : ""}`;
  }
}

/** Resolves when a stream has ended or failed. */
function ended(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["end", "close", "error"]) stream.on(event, () => resolve());
  });
}
