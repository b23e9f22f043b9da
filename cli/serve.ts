import type { ServiceOptions } from "../service/options.ts";
import { findUnreachable } from "../service/reachability.ts";
import type { ServeCommand } from "./args.ts";
import { CommandError, reasonOf } from "./errors.ts";
import type { Bind } from "./flag_values.ts";
import { listen } from "./listener.ts";
import type { Listener } from "./listening.ts";
import { configure } from "./options.ts";
import { type Load, loadFile, type Program } from "./program.ts";
import { SIGNALS, Signals } from "./signals.ts";
import { stdioTo } from "./stdio.ts";
import type { Terminal } from "./terminal.ts";

/** How long running requests may take after the first signal to stop. */
const DRAIN_MILLIS = 5_000;

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
  using configured = await configure(command, terminal);
  const { options } = configured;
  const { captured } = command.viceroy;
  using signals = new Signals();
  const program = await loadFile(command.wasm, load, {
    ...options,
    signals: SIGNALS,
    ...(captured.stdout || captured.stderr) && { stdio: stdioTo(terminal, options.log, captured) },
  });
  try {
    const listener = await open(command.bind, program, terminal);
    say(`Listening on ${listener.url}`);
    warnOfUnreachable(options, terminal);
    await signals.first;
    await Promise.race([stop(listener, program), signals.second]);
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
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

async function open(bind: Bind, program: Program, terminal: Terminal): Promise<Listener> {
  try {
    return await listen({
      ...bind,
      answer: (exchange) => program.answer(exchange),
      access: terminal.access,
      trouble: (message) => terminal.note("error", message),
    });
  } catch (error) {
    const host = bind.hostname.includes(":") ? `[${bind.hostname}]` : bind.hostname;
    throw new CommandError(`Cannot listen on ${host}:${bind.port}: ${reasonOf(error)}`);
  }
}
