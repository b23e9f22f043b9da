import type { Purge } from "../../service/cache/purge_feed.ts";
import type { ServeCommand } from "../flags/args.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import type { Snapshot } from "../watch/changes.ts";
import { CommandError } from "../errors.ts";
import { type Channel, ChannelClosed, WithHandle } from "./channel.ts";
import type { OwnCommand } from "./command_line.ts";
import { Fleet, type Pause } from "./fleet.ts";
import { Monitor } from "./monitor.ts";
import type { FileStates, Reload, Reloaded, Start } from "./protocol.ts";
import { PurgeLog } from "./purge_log.ts";
import { SharedSockets } from "./shared_sockets.ts";
import { loadsOf, surplusOf } from "./sharing.ts";
import { WorkerProcess } from "./worker_process.ts";

/** Milliseconds that a reload waits for workers that a guest holds up. They reload when the guest pauses. */
const HELD_UP_MILLIS = 2_000;

/** Settings of {@linkcode Workers}. */
interface WorkersOptions {
  readonly command: ServeCommand;
  readonly terminal: Terminal;
  /** Streams of this process that are terminals. */
  readonly terminals: readonly string[];
  readonly own: OwnCommand;
  /** Returns the path of the program, which a build may change. */
  readonly file: () => string;
  /** Folder of the stores if neither flags nor fastly.toml name one. */
  readonly folder: string;
  /** Pauses before a place is filled again; by default those of {@linkcode Fleet}. */
  readonly pause?: Pause | undefined;
}

/** Workers of a supervisor, with the sockets, purges and program that they share. */
export class Workers {
  readonly fleet: Fleet;
  readonly monitor: Monitor;
  readonly #options: WorkersOptions;
  readonly #sockets = new SharedSockets();
  readonly #purges = new PurgeLog(() =>
    this.fleet.channels.map((channel) => (purge) => channel.ask("purge", purge))
  );
  #url = "";
  #port = 0;
  #files: FileStates = [];
  /** Whether the options' entries were written into the KV stores. Written again, they would bring back deleted ones. */
  #sown = false;
  /** Whether a worker was chosen that logs warnings about options and backends at the start. */
  #spoken = false;
  /** Number of reloads. */
  #reloads = 0;
  /** Number of reloads before a worker was told to start. */
  readonly #startedAfter = new WeakMap<WorkerProcess, number>();

  constructor(options: WorkersOptions) {
    this.#options = options;
    const { command, terminal, own, terminals } = options;
    const write = terminal.raw;
    this.fleet = new Fleet({
      workers: command.workers,
      pause: options.pause,
      terminal,
      start: (id) => new WorkerProcess({ id, command: own, terminals, write }),
      handlers: (worker) => ({
        start: () => this.#startOf(worker),
        bind: ({ address, port, index }) =>
          new WithHandle(undefined, this.#sockets.bind(address, port, index)),
        publish: (purge: Purge) => this.#purges.publish(purge),
        surplus: async (load) => surplusOf(load, await loadsOf(this.#othersThan(worker))),
        since: (number) => this.#purges.since(number),
      }),
      ready: (worker, { url, port, files }) => {
        this.#url = url;
        this.#port = port;
        // It may have read program and options before a reload that it was not asked for.
        if (this.#startedAfter.get(worker) !== this.#reloads) void this.#follow(worker);
        else this.#files = files;
      },
      gone: (worker) => this.monitor.gone(worker),
    });
    this.monitor = new Monitor(this.fleet);
    this.fleet.complete.then(() => this.#sown = true, () => {});
  }

  /** URL that all workers serve. */
  get url(): string {
    return this.#url;
  }

  /** Port that all workers serve. */
  get port(): number {
    return this.#port;
  }

  /** Files that program and options were read from, with their state at that time. */
  get files(): Snapshot {
    return new Map(this.#files);
  }

  /**
   * Has all workers read program and options again: first one of them, and the others if that succeeds.
   *
   * @throws {CommandError} If the first cannot; all workers keep the program and options that they have.
   */
  async reload(): Promise<void> {
    for (;;) {
      const workers = this.fleet.ready;
      if (this.fleet.stopping) return;
      if (!workers.length) throw new CommandError("Cannot reload: no worker serves");
      // The worker that answers first has no guest that blocks it.
      const first = await Promise.any(workers.map(async (worker) => {
        await worker.channel.ask("health");
        return worker;
      })).catch(() => undefined);
      if (!first) {
        // A channel closes turns of the event loop before it is known that its process has ended.
        await Promise.race(workers.map(({ ended }) => ended));
        continue;
      }
      try {
        await this.#reloadOne(first, true);
      } catch (error) {
        if (!(error instanceof ChannelClosed)) throw error;
        await first.ended;
        continue;
      }
      this.#reloads++;
      await this.#reloadOthers(first);
      return;
    }
  }

  /** Channels of the other workers that serve. */
  #othersThan(worker: WorkerProcess): Channel[] {
    return this.fleet.ready.filter((other) => other !== worker).map(({ channel }) => channel);
  }

  async #reloadOthers(first: WorkerProcess): Promise<void> {
    const late = new Set(this.fleet.ready.filter((worker) => worker !== first));
    const pages = Promise.withResolvers<void>();
    const all = Promise.all(Array.from(late, async (worker) => {
      await this.#follow(worker);
      late.delete(worker);
      // A page that is loaded again earlier may come from a worker with the old program.
      pages.promise.then(() => worker.channel.tell("pages"));
    }));
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([
      all,
      new Promise((resolve) => timer = setTimeout(resolve, HELD_UP_MILLIS)),
    ]);
    clearTimeout(timer);
    for (const { id } of late) {
      const message = `Worker ${id} is held up: it reloads when its guest pauses`;
      this.#options.terminal.note("warning", message);
    }
    first.channel.tell("pages");
    pages.resolve();
  }

  /** Has a worker reload what another one has loaded. */
  async #follow(worker: WorkerProcess): Promise<void> {
    try {
      await this.#reloadOne(worker, false);
    } catch (error) {
      if (error instanceof ChannelClosed) return; // the worker that replaces it reads everything anew
      this.#options.terminal.note("error", `Worker ${worker.id}: ${(error as Error).message}`);
    }
  }

  async #reloadOne({ channel }: WorkerProcess, sow: boolean): Promise<void> {
    const how: Reload = { file: this.#options.file(), sow };
    const { error, files } = await channel.ask<Reloaded>("reload", how);
    this.#files = files;
    if (error !== undefined) throw new CommandError(error);
  }

  #startOf(worker: WorkerProcess): Start {
    const { id } = worker;
    const { command, folder, file } = this.#options;
    this.#startedAfter.set(worker, this.#reloads);
    const speaks = id === 1 && !this.#spoken;
    this.#spoken ||= speaks;
    return {
      id,
      workers: command.workers,
      folder,
      file: file(),
      metrics: command.admin !== undefined,
      sow: !this.#sown,
      speaks,
      purges: this.#purges.last,
    };
  }
}
