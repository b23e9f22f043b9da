import type { ServeCommand } from "../flags/args.ts";
import { PersistentStorage } from "../persist.ts";
import type { Load } from "../program.ts";
import { Signals } from "../signals.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { recordFirst } from "../telemetry/request_log.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { builtSource, following } from "./following.ts";
import { openAdmin } from "./open_admin.ts";
import { openRedirect } from "./open_redirect.ts";
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
  using signals = new Signals();
  await using source = await builtSource(command, terminal, signals.first);
  if (signals.received) return;
  using storage = new PersistentStorage();
  const metrics = command.admin && new Metrics();
  let opened: OpenServer | undefined = undefined;
  using admin = command.admin && await openAdmin(command.admin, terminal, () => {
    const { site, listener } = (opened as OpenServer | undefined) ?? {};
    return metrics!.render(site?.program.status(), listener?.connections() ?? 0);
  });
  const { file } = source;
  using server = await openServer({ command, load, file, storage, terminal, metrics });
  opened = server;
  const { site, listener } = server;
  try {
    using _redirect = await openRedirect(command, listener.port, terminal);
    admin?.serve(async () => await listener.accepts() ? "ok" : "not accepting connections");
    const reload = async () => {
      await server.reload();
      server.reloadPages();
      server.warnOfUnreachable();
    };
    using _following = following({ reload, files: () => site.files }, source, command, terminal);
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
