import type { Opening } from "../../server/acceptor.ts";
import type { Listener } from "../../server/listen_options.ts";
import { limitsOf } from "../../service/limits.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { codeCacheOf } from "../code_cache.ts";
import { defaultConnections } from "../default_connections.ts";
import { CommandError } from "../errors.ts";
import type { ServeCommand } from "../flags/args.ts";
import type { PersistentStorage } from "../persist.ts";
import type { Load, LoadedProgram } from "../program.ts";
import { SIGNALS } from "../signals.ts";
import { Site } from "../site.ts";
import { withCountedLogs, withCountedRequests } from "../telemetry/counting.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { stdioTo } from "../telemetry/stdio.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import type { LiveReload } from "../watch/live_reload.ts";
import type { ServerOptions } from "./open_listener.ts";

/** Time for running requests after the first signal to stop, in milliseconds. */
export const DRAIN_MILLIS = 5_000;

/** Bytes of a request line that are allowed besides the URL. */
const REQUEST_LINE = 1024;

/** Options of {@linkcode openServer}. */
interface ServerPlace {
  readonly command: ServeCommand;
  readonly load: Load;
  /** Returns the program's current file. */
  readonly file: () => string;
  readonly storage: PersistentStorage;
  readonly terminal: Terminal;
  /** Terminal for notes that several processes would write, each the same. By default the other one. */
  readonly common?: Terminal;
  /** Counters of requests and log entries; undefined without `--admin`. */
  readonly metrics?: Metrics | undefined;
  /** Options of listening; by default this process opens its own sockets. */
  readonly opening?: Opening;
  /** Adds options that are neither in flags nor in fastly.toml. */
  readonly extend?: (options: ServiceOptions) => ServiceOptions;
}

/** A program with its open listener. Disposing closes the files of its options. */
export interface OpenServer extends Disposable {
  readonly site: Site;
  readonly listener: Listener;
  /** Reloads program and options for new requests; if it rejects, with a {@linkcode CommandError}, nothing changes. */
  reload(): Promise<void>;
  /** Reloads pages in browsers, with `--live-reload`. */
  reloadPages(): void;
  /** Warns of backends that cannot be reached. */
  warnOfUnreachable(): Promise<void>;
  /** Lets running requests end for up to {@linkcode DRAIN_MILLIS}, then ends the program. */
  stop(): Promise<void>;
}

/**
 * Loads a program and opens its listener: all that serving takes in one process, whether it is alone or a worker.
 *
 * @throws {CommandError} If it cannot.
 */
export async function openServer(place: ServerPlace): Promise<OpenServer> {
  const { command, metrics, terminal, opening, file, load, storage, extend = (own) => own } = place;
  const codeCache = codeCacheOf(command.codeCache);
  const complete = (options: ServiceOptions) => ({
    ...optionsFor(command, extend(options), metrics, terminal),
    ...codeCache && { codeCache },
    ...command.watch && { quickReload: true },
  });
  let listening: Promise<typeof import("./open_listener.ts")>;
  const loadFirst: Load = (wasm, options) => {
    const loading = load(wasm, options); // V8 compiles the program while the listener's modules are loaded
    listening = import("./open_listener.ts");
    return loading;
  };
  const site = await Site.load({ command, file, load: loadFirst, storage, terminal, complete });
  const { openListener } = await listening!;
  const { program } = site;
  const pages = command.liveReload ? await livePages() : undefined;
  try {
    warmUp(program, command, file(), terminal);
    const plain = serverOptions(site, pages, terminal);
    const counted = metrics ? withCountedRequests(plain, metrics) : plain;
    const certificates = command.https &&
      await certificatesOf(command.https, place.common ?? terminal);
    const tls = certificates?.tls;
    const listener = await openListener(command.bind, "bind", {
      ...counted,
      ...opening,
      tls,
      h2c: command.h2c,
      proxyProtocol: command.proxyProtocol,
    });
    const following = certificates?.follow(listener);
    return {
      site,
      listener,
      reload: () => site.reload(),
      reloadPages: () => pages?.reload(),
      warnOfUnreachable: () => warnOfUnreachable(site.options, terminal),
      async stop() {
        following?.[Symbol.dispose]();
        pages?.close();
        program.retire();
        await listener.drain(DRAIN_MILLIS);
        await program[Symbol.asyncDispose]();
      },
      [Symbol.dispose]() {
        following?.[Symbol.dispose]();
        site[Symbol.dispose]();
      },
    };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    site[Symbol.dispose]();
    throw error;
  }
}

async function livePages(): Promise<LiveReload> {
  const { LiveReload } = await import("../watch/live_reload.ts");
  return new LiveReload();
}

async function certificatesOf(https: NonNullable<ServeCommand["https"]>, terminal: Terminal) {
  const { certificatesFor } = await import("../tls/certificates.ts");
  return await certificatesFor(https, terminal);
}

/** Returns the options that the program is loaded with. Requests are counted only if there are metrics. */
function optionsFor(
  { captured }: ServeCommand,
  configured: ServiceOptions,
  metrics: Metrics | undefined,
  terminal: Terminal,
): ServiceOptions {
  const options = metrics ? withCountedLogs(configured, metrics) : configured;
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
  const limits = limitsOf(options.limits);
  const { header_bytes, url_bytes, connections, stall_time } = limits;
  // The server's limits are somewhat larger, so that the service refuses most such requests, with the reason.
  const lineBytes = url_bytes + REQUEST_LINE;
  return {
    lineBytes,
    headBytes: header_bytes + lineBytes,
    connections: options.limits?.connections === undefined ? defaultConnections() : connections,
    streams: limits.http2_streams,
    resets: limits.http2_resets,
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
  if (typeof backends !== "object" || !Object.keys(backends).length) return;
  const { findUnreachable } = await import("../../service/backends/reachability.ts");
  for (const line of await findUnreachable(backends, ca)) terminal.note("warning", line);
}
