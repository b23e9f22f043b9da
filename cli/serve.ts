import type { ServiceOptions } from "../service/options.ts";
import { limitsOf } from "../service/limits.ts";
import { findUnreachable } from "../service/reachability.ts";
import type { ServeCommand } from "./args.ts";
import { CommandError, reasonOf } from "./errors.ts";
import { surviveFaults } from "./faults.ts";
import type { Bind } from "./flag_values.ts";
import { listen } from "./listener.ts";
import type { Listener } from "./listening.ts";
import { configure } from "./options.ts";
import { type Load, loadFile, type Program } from "./program.ts";
import { stdioTo } from "./stdio.ts";
import type { Terminal } from "./terminal.ts";

/** How long running requests may take after the first signal to stop. */
const DRAIN_MILLIS = 5_000;

/** Room for what a request's line has besides the URL, in bytes. */
const REQUEST_LINE = 1024;

/**
 * Serves a program until a signal ends it.
 *
 * @throws {CommandError} if it cannot start.
 */
export async function serve(
  command: ServeCommand,
  load: Load,
  terminal: Terminal,
  say: (line: string) => void,
): Promise<void> {
  using _ = surviveFaults((message) => terminal.note("error", message));
  using configured = await configure(command, terminal);
  const { options } = configured;
  const { captured } = command.viceroy;
  const program = await loadFile(command.wasm, load, {
    ...options,
    ...(captured.stdout || captured.stderr) && { stdio: stdioTo(terminal, options.log, captured) },
  });
  const signals = new Signals();
  try {
    const listener = await open(command.bind, program, options, terminal);
    say(`Listening on ${listener.url}`);
    warnOfUnreachable(options, terminal);
    await signals.first;
    await Promise.race([stop(listener, program), signals.second]);
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  } finally {
    signals.release();
  }
}

/** Requests may come meanwhile: nothing waits for backends that are down. */
async function warnOfUnreachable({ backends }: ServiceOptions, terminal: Terminal): Promise<void> {
  if (typeof backends !== "object") return;
  for (const line of await findUnreachable(backends)) terminal.note("warning", line);
}

async function stop(listener: Listener, program: Program): Promise<void> {
  program.retire();
  await listener.drain(DRAIN_MILLIS);
  await program[Symbol.asyncDispose]();
}

async function open(
  bind: Bind,
  program: Program,
  options: ServiceOptions,
  terminal: Terminal,
): Promise<Listener> {
  const { header_bytes, url_bytes } = limitsOf(options.limits);
  try {
    return await listen({
      ...bind,
      headBytes: header_bytes + url_bytes + REQUEST_LINE,
      answer: (exchange) => program.answer(exchange),
      access: terminal.access,
      trouble: (message) => terminal.note("error", message),
    });
  } catch (error) {
    const host = bind.hostname.includes(":") ? `[${bind.hostname}]` : bind.hostname;
    throw new CommandError(`Cannot listen on ${host}:${bind.port}: ${reasonOf(error)}`);
  }
}

/** The signals that ask the process to stop; while this lives, they do nothing else. */
class Signals {
  readonly #first = Promise.withResolvers<void>();
  readonly #second = Promise.withResolvers<void>();
  #count = 0;

  constructor() {
    for (const name of SIGNALS) Deno.addSignalListener(name, this.#take);
  }

  get first(): Promise<void> {
    return this.#first.promise;
  }

  get second(): Promise<void> {
    return this.#second.promise;
  }

  release(): void {
    for (const name of SIGNALS) Deno.removeSignalListener(name, this.#take);
  }

  readonly #take = (): void => (this.#count++ ? this.#second : this.#first).resolve();
}

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];
