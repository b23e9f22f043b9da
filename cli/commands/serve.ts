import type { Listener } from "../../server/listen_options.ts";
import { findUnreachable } from "../../service/backends/reachability.ts";
import { limitsOf } from "../../service/limits.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { defaultConnections } from "../default_connections.ts";
import { CommandError } from "../errors.ts";
import type { ServeCommand } from "../flags/args.ts";
import type { Bind } from "../flags/flag_values.ts";
import { manifestOf } from "../options.ts";
import { PersistentStorage } from "../persist.ts";
import type { Load, LoadedProgram } from "../program.ts";
import { SIGNALS, Signals } from "../signals.ts";
import { Site } from "../site.ts";
import { Admin } from "../telemetry/admin.ts";
import { withCountedLogs, withCountedRequests } from "../telemetry/counting.ts";
import { recordFirst } from "../telemetry/request_log.ts";
import { stdioTo } from "../telemetry/stdio.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import type { Snapshot } from "../watch/changes.ts";
import { follow, Reloads } from "../watch/follow.ts";
import { LiveReload } from "../watch/live_reload.ts";
import { buildFirst, type ProgramSource, sourceOf } from "../watch/source.ts";
import { snapshotOf } from "../watch/tree.ts";
import { openListener, type ServerOptions } from "./open_listener.ts";

/** Milliseconds that running requests may take after the first signal to stop. */
const DRAIN_MILLIS = 5_000;

/** Bytes that a request line may have besides the URL. */
const REQUEST_LINE = 1024;

/**
 * Serves a program until a signal ends it.
 *
 * @throws {CommandError} If it cannot start.
 */
export async function serve(
  command: ServeCommand,
  load: Load,
  output: Terminal,
  say: (line: string) => void,
): Promise<void> {
  using terminal = recordFirst(output);
  using signals = new Signals();
  const source = await sourceOf(command, manifestOf(command));
  await using _builder = source.builder;
  const before = command.watch && source.builder
    ? snapshotOf(source.sources, source.outputs)
    : undefined;
  await Promise.race([buildFirst(source, command, terminal), signals.first]);
  if (signals.received) return;
  using storage = new PersistentStorage();
  using listeners = new DisposableStack();
  const admin = command.admin && await openAdmin(command.admin, terminal, listeners);
  const { file } = source;
  const complete = (options: ServiceOptions) => optionsFor(command, options, admin, terminal);
  using site = await Site.load({ command, file, load, storage, terminal, complete });
  const { program } = site;
  const pages = command.liveReload ? new LiveReload() : undefined;
  try {
    warmUp(program, command, file(), terminal);
    const plain = serverOptions(site, pages, terminal);
    const counted = admin ? withCountedRequests(plain, admin.metrics) : plain;
    const listener = await openListener(command.bind, "bind", counted);
    admin?.serve(program, listener);
    using _following = following(site, { ...source, before }, command, terminal, pages);
    say(`Listening on ${listener.url}`);
    warnOfUnreachable(site.options, terminal);
    await signals.first;
    admin?.drain();
    pages?.close();
    await Promise.race([stop(listener, program), signals.second]);
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Reloads at SIGHUP, and with `--watch` when something changes. */
function following(
  site: Site,
  { builder, sources, outputs, before }: ProgramSource & { readonly before: Snapshot | undefined },
  { watch, watchPoll: poll }: ServeCommand,
  terminal: Terminal,
  pages: LiveReload | undefined,
): Disposable {
  using open = new DisposableStack();
  const reloads = new Reloads(async () => {
    await site.reload();
    pages?.reload();
    warnOfUnreachable(site.options, terminal);
  }, terminal);
  if (watch) {
    const files = () => [...new Set([...outputs, ...site.files])];
    open.use(follow({ reloads, files, builder, sources, outputs, before, poll, terminal }));
  }
  if (Deno.build.os !== "windows") {
    const onHangUp = () => void reloads.next();
    Deno.addSignalListener("SIGHUP", onHangUp);
    open.defer(() => Deno.removeSignalListener("SIGHUP", onHangUp));
  }
  return open.move();
}

async function openAdmin(
  bind: Bind,
  terminal: Terminal,
  listeners: DisposableStack,
): Promise<Admin> {
  const admin = new Admin();
  const listener = await openListener(bind, "admin", {
    answer: (exchange) => admin.answer(exchange),
    trouble: (message) => terminal.note("error", message),
  });
  listeners.defer(() => listener.close());
  terminal.note("info", `Health and metrics are on ${listener.url}`);
  return admin;
}

/** The options that the program is loaded with. Only who wants metrics pays for counting. */
function optionsFor(
  { captured }: ServeCommand,
  configured: ServiceOptions,
  admin: Admin | undefined,
  terminal: Terminal,
): ServiceOptions {
  const options = admin ? withCountedLogs(configured, admin.metrics) : configured;
  return {
    ...options,
    signals: SIGNALS,
    ...(captured.stdout || captured.stderr) && { stdio: stdioTo(terminal, options.log, captured) },
  };
}

function serverOptions(
  { program, options }: Site,
  pages: LiveReload | undefined,
  terminal: Terminal,
): ServerOptions {
  const { header_bytes, url_bytes, connections, stall_time } = limitsOf(options.limits);
  // What is only just beyond a limit is refused by the service, which says by how much.
  const lineBytes = url_bytes + REQUEST_LINE;
  return {
    lineBytes,
    headBytes: header_bytes + lineBytes,
    connections: options.limits?.connections === undefined ? defaultConnections() : connections,
    stallTime: stall_time,
    stalled: (exchange, what) => program.stalled(exchange, what),
    answer: pages
      ? (exchange) => pages.answer(exchange) ?? program.answer(pages.around(exchange))
      : (exchange) => program.answer(exchange),
    access: terminal.access,
    trouble: (message) => terminal.note("error", message),
  };
}

function warmUp(
  program: LoadedProgram,
  { warmup }: ServeCommand,
  file: string,
  terminal: Terminal,
): void {
  if (!warmup) return;
  let ready: number;
  try {
    ready = program.warmup(warmup);
  } catch (error) {
    throw new CommandError(`Cannot run ${file}: ${(error as Error).message}`);
  }
  if (ready < warmup) {
    terminal.note("warning", `${ready} instances are ready and not ${warmup}: no more may live`);
  }
}

/** Looks for backends that are down, while requests are served already. */
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
