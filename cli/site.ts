import type { ServiceOptions } from "../service/options.ts";
import type { ServeCommand } from "./flags/args.ts";
import { configure, type ConfiguredOptions } from "./options.ts";
import type { PersistentStorage } from "./persist.ts";
import { type Load, type LoadedProgram, loadFile, reloadFile } from "./program.ts";
import type { Terminal } from "./telemetry/terminal.ts";
import { ReadFiles, type Snapshot } from "./watch/changes.ts";

/** What a {@linkcode Site} is made of. */
interface SiteOptions {
  readonly command: ServeCommand;
  /** The program's file as it is now. */
  readonly file: () => string;
  readonly load: Load;
  readonly storage: PersistentStorage;
  readonly terminal: Terminal;
  /** Adds what serving needs to the options of flags and fastly.toml. */
  readonly complete: (options: ServiceOptions) => ServiceOptions;
}

/** A program that is served with the options of flags and fastly.toml, all of which can be read again. */
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

  /** @throws {CommandError} If options or program cannot be read, or make no sense. */
  static async load(options: SiteOptions): Promise<Site> {
    const { command, load, storage, terminal, complete, file } = options;
    const files = new ReadFiles();
    const configured = await configure(command, terminal, storage, files);
    try {
      const path = file();
      files.add(path);
      // The program logs to what the newest options say, also for requests that began before them.
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

  /** The options of now. */
  get options(): ServiceOptions {
    return this.#configured.options;
  }

  /** Files that program and options were read from, or last tried to be, as they were before that. */
  get files(): Snapshot {
    return this.#files.state;
  }

  /**
   * Reads program and options again: new requests get them.
   *
   * @throws {CommandError} As {@linkcode Site.load} does; what there was goes on.
   */
  async reload(): Promise<void> {
    const { command, storage, terminal, complete, file } = this.#options;
    // A mistake may be in a file that the options did not name before, and is mended there.
    const files = new ReadFiles();
    const before = this.#files;
    this.#files = files;
    let configured: ConfiguredOptions | undefined;
    try {
      configured = await configure(command, terminal, storage, files);
      const path = file();
      files.add(path);
      const log: ServiceOptions["log"] = (entry) => this.options.log?.(entry);
      await reloadFile(path, this.program, complete({ ...configured.options, log }));
    } catch (error) {
      for (const file of before.state.keys()) files.add(file);
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
