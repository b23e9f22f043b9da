import type { ServiceOptions } from "../service/options.ts";
import type { ServeCommand } from "./flags/args.ts";
import { configure, type ConfiguredOptions } from "./options.ts";
import type { PersistentStorage } from "./persist.ts";
import { type Load, type LoadedProgram, loadFile, reloadFile } from "./program.ts";
import type { Terminal } from "./telemetry/terminal.ts";
import { ReadFiles, type Snapshot } from "./watch/changes.ts";

/** Options of a {@linkcode Site}. */
interface SiteOptions {
  readonly command: ServeCommand;
  /** Returns the program's current file. */
  readonly file: () => string;
  readonly load: Load;
  readonly storage: PersistentStorage;
  readonly terminal: Terminal;
  /** Adds options for serving to those of flags and fastly.toml. */
  readonly complete: (options: ServiceOptions) => ServiceOptions;
}

/** Served program with the options of flags and fastly.toml, all of which can be reloaded. */
export class Site implements Disposable {
  readonly program: LoadedProgram;
  readonly #options: SiteOptions;
  #configured: ConfiguredOptions;
  #files: ReadFiles;

  private constructor(
    program: LoadedProgram,
    options: SiteOptions,
    configured: ConfiguredOptions,
    files: ReadFiles,
  ) {
    this.program = program;
    this.#options = options;
    this.#configured = configured;
    this.#files = files;
  }

  /**
   * Loads the program and its options.
   *
   * @throws {CommandError} If the options or the program cannot be read, or are not valid.
   */
  static async load(options: SiteOptions): Promise<Site> {
    const { command, load, storage, terminal, complete, file } = options;
    const files = new ReadFiles();
    const configured = await configure(command, terminal, storage, files);
    try {
      const path = file();
      files.add(path);
      // The log is that of the newest options, also for requests that began before them.
      let site: Site | undefined;
      const log: ServiceOptions["log"] = (entry) =>
        (site ? site.#configured : configured).options.log?.(entry);
      const program = await loadFile(path, load, complete({ ...configured.options, log }));
      return site = new Site(program, options, configured, files);
    } catch (error) {
      configured[Symbol.dispose]();
      throw error;
    }
  }

  /** Current options. */
  get options(): ServiceOptions {
    return this.#configured.options;
  }

  /** Files that program and options were read from, or last tried to be, as they were before that. */
  get files(): Snapshot {
    return this.#files.state;
  }

  /**
   * Reloads the program and its options for new requests.
   *
   * @throws {CommandError} As {@linkcode Site.load}; the current ones stay in use.
   */
  async reload(): Promise<void> {
    const { command, storage, terminal, complete, file } = this.#options;
    // After a failed reload the files that it has read are followed: the mistake is in one of them.
    const files = this.#files = new ReadFiles();
    let configured: ConfiguredOptions | undefined;
    try {
      configured = await configure(command, terminal, storage, files);
      const path = file();
      files.add(path);
      const log: ServiceOptions["log"] = (entry) => this.options.log?.(entry);
      await reloadFile(path, this.program, complete({ ...configured.options, log }));
    } catch (error) {
      configured?.[Symbol.dispose]();
      throw error;
    }
    const old = this.#configured;
    this.#configured = configured;
    old[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#configured[Symbol.dispose]();
  }
}
