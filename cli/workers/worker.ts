import process from "node:process";
import { limitsOf } from "../../service/limits.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { type OpenServer, openServer } from "../commands/server.ts";
import { CommandError, UsageError } from "../errors.ts";
import type { ServeCommand } from "../flags/args.ts";
import { PersistentStorage } from "../persist.ts";
import type { Load } from "../program.ts";
import { SIGNALS } from "../signals.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { recordFirst } from "../telemetry/request_log.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { Channel, type ChannelEnd } from "./channel.ts";
import { endWithSupervisor, endWithSupervisorByThread } from "./orphan.ts";
import type { Reload, Reloaded, Start, ToWorker } from "./protocol.ts";
import { workerPurges } from "./purge_feed.ts";
import { Sharing } from "./sharing.ts";
import { removeFolder } from "./supervisor.ts";
import { messageOf } from "../../service/errors.ts";

/** Limit on a guest's processor time, in milliseconds, above which a thread ends the process when the supervisor has died. */
const LONG_MILLIS = 10_000;

/**
 * Serves a program as one of several processes, until the supervisor ends the worker or has itself ended.
 *
 * @returns The exit code.
 */
export async function work(command: ServeCommand, load: Load, output: Terminal): Promise<number> {
  // A terminal sends its signals to all processes. They are ignored here: the supervisor gets them too, and stops the workers.
  for (const signal of [...SIGNALS, "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});
  const channel = new Channel(process as ChannelEnd);
  let folder: string | undefined = undefined;
  endWithSupervisor(channel, () => folder && removeFolder(folder));
  const stopped = Promise.withResolvers<void>();
  const told: { take?: ReturnType<typeof workerPurges>["take"] } = {};
  channel.serve({
    stop: () => stopped.resolve(),
    purge: (purge: Parameters<NonNullable<typeof told.take>>[0]) => told.take?.(purge),
  });
  const start = await channel.ask<Start>("start");
  folder = start.folder;
  // Notes that all workers have are logged by one: by the one that `speaks` at the start, later by that in the first place.
  const voice = { heard: start.speaks };
  using terminal = recordFirst(withVoice(output, voice, "error"));
  const common = withVoice(output, voice);
  try {
    const purges = workerPurges(channel, start.purges);
    told.take = purges.take;
    using storage = new PersistentStorage(folder, output.note); // each worker has its own connection
    const worker = { command, load, terminal, common, storage, start, channel, purges };
    using server = await openWorker(worker, stopped);
    voice.heard = start.id === 1;
    await stopped.promise;
    await server.stop();
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof UsageError)) throw error;
    const usage = error instanceof UsageError;
    await channel.ask("failed", { message: error.message, usage });
    return usage ? 2 : 1;
  }
}

/** Objects that a worker's server is made of. */
interface WorkerPlace {
  readonly command: ServeCommand;
  readonly load: Load;
  readonly terminal: Terminal;
  readonly common: Terminal;
  readonly storage: PersistentStorage;
  readonly start: Start;
  readonly channel: Channel;
  readonly purges: ReturnType<typeof workerPurges>;
}

/** Opens the server, and answers the supervisor's requests about it from then on. */
async function openWorker(
  { command, load, terminal, common, storage, start, channel, purges }: WorkerPlace,
  stopped: PromiseWithResolvers<void>,
): Promise<OpenServer> {
  let { sow, file } = start;
  const metrics = start.metrics ? new Metrics() : undefined;
  const extend = (options: ServiceOptions): ServiceOptions => ({
    ...options,
    // A store that several hosts share numbers purges itself.
    purgeFeed: options.purgeFeed ?? purges.feed,
    limits: sharedLimits(options, start.workers),
    ...!sow && { kvStores: emptied(options.kvStores) },
  });
  const opening = { share: sharedSockets(channel) };
  const server = await openServer({
    ...{ command, load, file: () => file, storage, terminal, common, metrics, opening, extend },
  });
  const { site, listener } = server;
  const reload = async (how: Reload): Promise<Reloaded> => {
    ({ sow, file } = how);
    try {
      await server.reload();
      if (how.sow) server.warnOfUnreachable();
      return { files: [...site.files] };
    } catch (error) {
      const reason = messageOf(error);
      return { error: reason, files: [...site.files] };
    }
  };
  const sharing = new Sharing(listener.kept, (load) => channel.ask<number>("surplus", load));
  void stopped.promise.then(() => sharing[Symbol.dispose]());
  // One after another: the last one must win.
  let last: Promise<unknown> = Promise.resolve();
  channel.serve(
    {
      reload(how: Reload): Promise<Reloaded> {
        const next = last.then(() => reload(how));
        last = next;
        return next;
      },
      pages: () => server.reloadPages(),
      health: () => listener.accepts(),
      metrics: () => metrics?.collect(site.program.status(), listener.connections()) ?? [],
      purge: purges.take,
      load: () => sharing.load,
      stop: () => stopped.resolve(),
    } satisfies Record<keyof ToWorker, (value: never) => unknown>,
  );
  const { url, port } = listener;
  channel.tell("ready", { url, port, files: [...site.files] });
  if (start.speaks) server.warnOfUnreachable();
  const { limits, allowUnlimited } = site.options;
  if (allowUnlimited || limitsOf(limits).cpu_time > LONG_MILLIS) endWithSupervisorByThread();
  return server;
}

/** Returns the limits of one worker: those that protect the machine are divided among all. */
function sharedLimits(
  { limits }: ServiceOptions,
  workers: number,
): NonNullable<ServiceOptions["limits"]> {
  const { cache_bytes } = limitsOf(limits);
  return { ...limits, cache_bytes: Math.floor(cache_bytes / workers) };
}

/** Returns stores of the same names without entries, so that nothing is written into them. */
function emptied(stores: ServiceOptions["kvStores"] = {}): NonNullable<ServiceOptions["kvStores"]> {
  return Object.fromEntries(Object.keys(stores).map((name) => [name, {}]));
}

/** Returns a function that gets a bound socket from the supervisor. */
function sharedSockets(channel: Channel): (address: string, port: number) => Promise<object> {
  const asked = new Map<string, number>();
  return async (address, port) => {
    const name = `${address} ${port}`;
    const index = asked.get(name) ?? 0;
    asked.set(name, index + 1);
    return await channel.askForHandle("bind", { address, port, index });
  };
}

/**
 * Returns a terminal that writes notes only while `voice` is heard, since other workers write the same ones.
 *
 * @param always Level of notes that are written in any case.
 */
function withVoice(
  terminal: Terminal,
  voice: { readonly heard: boolean },
  always?: Parameters<Terminal["note"]>[0],
): Terminal {
  return {
    ...terminal,
    note(level, message) {
      if (voice.heard || level === always) terminal.note(level, message);
    },
  };
}
