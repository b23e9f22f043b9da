import type { ServiceOptions } from "../../service/options.ts";
import { limitsOf } from "../../service/limits.ts";
import type { Exchange } from "../../service/http/exchange.ts";
import { findUnreachable } from "../../service/backends/reachability.ts";
import { listen } from "../../server/listener.ts";
import type { Listener, ListenOptions } from "../../server/listen_options.ts";
import { defaultConnections } from "../default_connections.ts";
import { Admin } from "../telemetry/admin.ts";
import type { ServeCommand } from "../flags/args.ts";
import { CommandError, reasonOf } from "../errors.ts";
import type { Bind } from "../flags/flag_values.ts";
import { configure } from "../options.ts";
import { type Load, type LoadedProgram, loadFile } from "../program.ts";
import { recordFirst } from "../telemetry/request_log.ts";
import { SIGNALS, Signals } from "../signals.ts";
import { stdioTo } from "../telemetry/stdio.ts";
import type { Terminal } from "../telemetry/terminal.ts";

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
  output: Terminal,
  say: (line: string) => void,
): Promise<void> {
  using terminal = recordFirst(output);
  using configured = await configure(command, terminal);
  using listeners = new DisposableStack();
  const admin = command.admin && await openAdmin(command.admin, terminal, listeners);
  const options = admin ? counting(configured.options, admin) : configured.options;
  const { captured } = command;
  using signals = new Signals();
  const program = await loadFile(command.wasm, load, {
    ...options,
    signals: SIGNALS,
    ...(captured.stdout || captured.stderr) && { stdio: stdioTo(terminal, options.log, captured) },
  });
  try {
    warmUp(program, command, terminal);
    const listener = await open(command.bind, "bind", listening(program, admin, options, terminal));
    if (admin) Object.assign(admin, { program, listener, health: "ok" });
    say(`Listening on ${listener.url}`);
    warnOfUnreachable(options, terminal);
    await signals.first;
    if (admin) admin.health = "draining";
    await Promise.race([stop(listener, program), signals.second]);
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

function warmUp(program: LoadedProgram, { warmup, wasm }: ServeCommand, terminal: Terminal): void {
  if (!warmup) return;
  let ready: number;
  try {
    ready = program.warmup(warmup);
  } catch (error) {
    throw new CommandError(`Cannot run ${wasm}: ${(error as Error).message}`);
  }
  if (ready < warmup) {
    terminal.note("warning", `${ready} instances are ready and not ${warmup}: no more may live`);
  }
}

/** Requests may come meanwhile: nothing waits for backends that are down. */
async function warnOfUnreachable(
  { backends, ca }: ServiceOptions,
  terminal: Terminal,
): Promise<void> {
  if (typeof backends !== "object") return;
  for (const line of await findUnreachable(backends, ca)) terminal.note("warning", line);
}

async function stop(listener: Listener, program: LoadedProgram): Promise<void> {
  program.retire();
  await listener.drain(DRAIN_MILLIS);
  await program[Symbol.asyncDispose]();
}

type Service = Omit<ListenOptions, keyof Bind>;

/** Only who wants metrics pays for counting. */
function listening(
  program: LoadedProgram,
  admin: Admin | undefined,
  options: ServiceOptions,
  terminal: Terminal,
): Service {
  const { header_bytes, url_bytes, connections, stall_time } = limitsOf(options.limits);
  // What is only just beyond a limit is refused by the service, which says by how much.
  const lineBytes = url_bytes + REQUEST_LINE;
  const bounds = {
    lineBytes,
    headBytes: header_bytes + lineBytes,
    connections: options.limits?.connections === undefined ? defaultConnections() : connections,
    stallTime: stall_time,
    stalled: (exchange: Exchange | undefined, what: string) => program.stalled(exchange, what),
  };
  const trouble = (message: string) => terminal.note("error", message);
  const answer = (exchange: Exchange) => program.answer(exchange);
  if (!admin) return { ...bounds, answer, access: terminal.access, trouble };
  const { metrics } = admin;
  return {
    ...bounds,
    answer(exchange) {
      metrics.begin();
      return answer(exchange);
    },
    access(entry) {
      metrics.end(entry);
      terminal.access(entry);
    },
    trouble,
  };
}

function counting(options: ServiceOptions, { metrics }: Admin): ServiceOptions {
  return {
    ...options,
    log(entry) {
      metrics.logged(entry);
      options.log?.(entry);
    },
  };
}

async function openAdmin(
  bind: Bind,
  terminal: Terminal,
  listeners: DisposableStack,
): Promise<Admin> {
  const admin = new Admin();
  const listener = await open(bind, "admin", {
    answer: (exchange) => admin.answer(exchange),
    trouble: (message) => terminal.note("error", message),
  });
  terminal.note("info", `Health and metrics are on ${listener.url}`);
  listeners.defer(() => listener.close());
  return admin;
}

async function open(bind: Bind, flag: string, service: Service): Promise<Listener> {
  try {
    return await listen({ ...bind, ...service });
  } catch (error) {
    const host = bind.hostname.includes(":") ? `[${bind.hostname}]` : bind.hostname;
    const taken = (error as { code?: string }).code === "EADDRINUSE";
    throw new CommandError(
      `Cannot listen on ${host}:${bind.port}: ${reasonOf(error)}` +
        (taken ? ` (try --${flag} localhost:0)` : ""),
    );
  }
}
