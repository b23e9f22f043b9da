import { builtSource, following } from "../commands/following.ts";
import { openAdmin } from "../commands/open_admin.ts";
import { openRedirect } from "../commands/open_redirect.ts";
import { DRAIN_MILLIS } from "../commands/server.ts";
import { CommandError, reasonOf } from "../errors.ts";
import type { ServeCommand } from "../flags/args.ts";
import { Signals } from "../signals.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { certificatesFor } from "../tls/certificates.ts";
import { ownCommand } from "./command_line.ts";
import type { Monitor } from "./monitor.ts";
import { Workers } from "./workers.ts";

/** First version of Deno that can pass sockets to other processes. */
const OLDEST = { major: 2, minor: 9 };
/** Time in milliseconds after the deadline for running requests at which a worker that still runs is killed. */
const GRACE_MILLIS = 1_000;

/**
 * Serves a program by several processes until a signal ends it. The supervisor builds, follows changes, serves the
 * administration listener and prints the workers' output; it runs no guest.
 *
 * @param terminals Streams of this process that are terminals.
 * @throws {CommandError} If the workers cannot start, or too many in a row end before they serve.
 */
export async function supervise(
  command: ServeCommand,
  terminal: Terminal,
  terminals: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  checkPlatform();
  using signals = new Signals(!command.hangUpEnds);
  await using source = await builtSource(command, terminal, signals.first);
  if (signals.received) return;
  // Makes the local authority, if it is missing: once, and not in each worker.
  if (command.https && !command.https.files) await certificatesFor(command.https, terminal);
  source.file(); // a build without a program is an error before workers are started
  const own = await ownCommand();
  using folder = temporaryFolder();
  let monitor: Monitor | undefined = undefined;
  using admin = command.admin && await openAdmin(
    command.admin,
    terminal,
    (query) => (monitor as Monitor | undefined)?.metrics(query) ?? "",
  );
  const workers = new Workers({
    ...{ command, terminal, terminals, own, folder: folder.path },
    file: () => source.file(),
  });
  const { fleet } = workers;
  monitor = workers.monitor;
  try {
    await Promise.race([fleet.complete, signals.first]);
    if (!signals.received) {
      const redirect = command.https?.redirect;
      using _redirect = redirect && await openRedirect(redirect, workers.port, terminal);
      admin?.serve(() => workers.monitor.health());
      const followed = { reload: () => workers.reload(), files: () => workers.files };
      using _following = await following(followed, source, command, terminal, signals);
      say(`Listening on ${workers.url}`);
      await Promise.race([fleet.broken, signals.first]);
    }
    admin?.drain();
    await Promise.race([fleet.stop(DRAIN_MILLIS + GRACE_MILLIS), signals.second]);
  } finally {
    fleet.kill();
  }
}

/** @throws {CommandError} If processes cannot share a socket here. */
function checkPlatform(): void {
  if (Deno.build.os === "windows") {
    throw new CommandError("Cannot start workers: Windows has no sockets that processes share");
  }
  const version = Deno.version.deno;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return;
  throw new CommandError(
    `Cannot start workers on Deno ${version}: it cannot hand a socket to another process (use 2.9.6)`,
  );
}

/** Makes a temporary folder for the stores that all workers share. Disposal removes it. */
function temporaryFolder(): Disposable & { readonly path: string } {
  let path: string;
  try {
    path = Deno.makeTempDirSync({ prefix: "fastlike-" });
  } catch (error) {
    throw new CommandError(
      `Cannot make a folder for the stores that workers share: ${
        reasonOf(error)
      } (try --persist DIR)`,
    );
  }
  return { path, [Symbol.dispose]: () => removeFolder(path) };
}

/** Removes a folder, unless another process has done so. */
export function removeFolder(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // The folder is gone, or a worker that is being killed still writes into it.
  }
}
