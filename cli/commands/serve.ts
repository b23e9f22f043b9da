import type { ServeCommand } from "../flags/args.ts";
import type { Bind } from "../flags/flag_values.ts";
import { PersistentStorage } from "../persist.ts";
import type { Load } from "../program.ts";
import { Signals } from "../signals.ts";
import { recordFirst } from "../telemetry/request_log.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { builtSource, following } from "./following.ts";
import { type OpenServer, openServer } from "./server.ts";

/**
 * Serves a program in this process until a signal ends it.
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
  using signals = new Signals(!command.hangUpEnds);
  await using source = await builtSource(command, terminal, signals.first);
  if (signals.received) return;
  using storage = new PersistentStorage();
  let opened: OpenServer | undefined = undefined;
  using observed = command.admin && await observe(command.admin, terminal, () => opened);
  const { admin, metrics } = observed ?? {};
  const { file } = source;
  using server = await openServer({ command, load, file, storage, terminal, metrics });
  opened = server;
  const { site, listener } = server;
  try {
    using _redirect = command.https?.redirect &&
      await redirect(command.https.redirect, listener.port, terminal);
    admin?.serve(async () => await listener.accepts() ? "ok" : "not accepting connections");
    const reload = async () => {
      await server.reload();
      server.reloadPages();
      server.warnOfUnreachable();
    };
    using _following = await following(
      { reload, files: () => site.files },
      source,
      command,
      terminal,
      signals,
    );
    say(`Listening on ${listener.url}`);
    server.warnOfUnreachable();
    await signals.first;
    admin?.drain();
    await Promise.race([server.stop(), signals.second]);
  } catch (error) {
    await site.program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Opens the listener of `--admin`, with the metrics that it serves. */
async function observe(bind: Bind, terminal: Terminal, opened: () => OpenServer | undefined) {
  const [{ openAdmin }, { Metrics }] = await Promise.all([
    import("./open_admin.ts"),
    import("../telemetry/metrics.ts"),
  ]);
  const metrics = new Metrics();
  const admin = await openAdmin(bind, terminal, () => {
    const { site, listener } = opened() ?? {};
    return metrics.render(site?.program.status(), listener?.connections() ?? 0);
  });
  return { admin, metrics, [Symbol.dispose]: () => admin[Symbol.dispose]() };
}

/** Opens the listener of `--http-redirect`. */
async function redirect(bind: Bind, port: number, terminal: Terminal): Promise<Disposable> {
  const { openRedirect } = await import("./open_redirect.ts");
  return await openRedirect(bind, port, terminal);
}
