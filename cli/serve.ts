import type { BackendDefinition } from "../service/backend.ts";
import type { Exchange } from "../service/exchange.ts";
import { ManifestError, parseManifest } from "../service/manifest.ts";
import type { ServiceOptions } from "../service/options.ts";
import type { Bind, ServeCommand } from "./args.ts";
import { listen, type Listener } from "./listener.ts";
import type { Terminal } from "./terminal.ts";

/** A program that answers requests. */
export interface Program extends AsyncDisposable {
  answer(exchange: Exchange): Promise<void>;
}

/** Makes a program of a file's bytes; rejects with an error of one line. */
export type Load = (wasm: Uint8Array, options: ServiceOptions) => Promise<Program>;

/** The command cannot do its work; the message is one line for whoever typed it. */
export class CommandError extends Error {
  override name = "CommandError";
}

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
  const options = await optionsOf(command, terminal);
  const program = await loadFile(command.wasm, load, options);
  const signals = new Signals();
  try {
    const listener = await open(command.bind, program, terminal);
    say(`Listening on ${listener.url}`);
    await signals.first;
    await Promise.race([stop(listener, program), signals.second]);
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  } finally {
    signals.release();
  }
}

async function stop(listener: Listener, program: Program): Promise<void> {
  await listener.drain(DRAIN_MILLIS);
  await program[Symbol.asyncDispose]();
}

async function optionsOf(command: ServeCommand, terminal: Terminal): Promise<ServiceOptions> {
  const { config, catchAll, verbosity, loopGuard } = command;
  const fromManifest = config === undefined ? {} : await backendsOf(config, terminal);
  return {
    // Flags win over the manifest.
    backends: { ...fromManifest, ...command.backends },
    ...(catchAll === undefined ? {} : { catchAll }),
    log: terminal.log,
    logHostcalls: verbosity > 1,
    loopGuard,
  };
}

async function backendsOf(
  file: string,
  terminal: Terminal,
): Promise<Readonly<Record<string, BackendDefinition>>> {
  const text = await readText(file);
  try {
    const manifest = parseManifest(text, file, (path) => readNamed(path));
    for (const warning of manifest.warnings) terminal.note("warning", warning);
    return manifest.backends;
  } catch (error) {
    throw error instanceof ManifestError ? new CommandError(error.message) : error;
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${reasonOf(error)}`);
  }
}

function readNamed(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new CommandError(reasonOf(error));
  }
}

async function loadFile(file: string, load: Load, options: ServiceOptions): Promise<Program> {
  let wasm: Uint8Array;
  try {
    wasm = await Deno.readFile(file);
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${reasonOf(error)}`);
  }
  try {
    return await load(wasm, options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = message.replace(/^Cannot load the program: /, "").replace(/\s*\n\s*/g, " ");
    throw new CommandError(`Cannot run ${file}: ${reason}`);
  }
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

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EADDRINUSE: "the address is in use (try --bind localhost:0)",
  EACCES: "permission is denied",
  EADDRNOTAVAIL: "this machine does not have that address",
  EINVAL: "this machine does not have that address",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the host's name cannot be looked up",
};

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code && REASONS[code]) return REASONS[code];
  return String(message ?? error).split("\n")[0]!;
}
