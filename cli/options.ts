import { dirname, join } from "node:path";
import { limitsOf } from "../service/limits.ts";
import type { ServiceOptions } from "../service/options.ts";
import { filled } from "./manifest/filled.ts";
import { FLAGS } from "./flags/table.ts";
import type { Manifest } from "./manifest/mod.ts";
import { type HostIo, ManifestError } from "./manifest/document.ts";
import { located } from "./manifest/json.ts";
import { ConfigTable } from "./manifest/table.ts";
import type { ServiceFlags } from "./flags/args.ts";
import { readAuthorities } from "./authorities.ts";
import { hostIoAt } from "./manifest/host_io.ts";
import { CommandError, reasonOf } from "./errors.ts";
import { routeLogs } from "./telemetry/log_endpoints.ts";
import { componentsOnDemand } from "./components.ts";
import { type NamedStorage, PersistentStorage } from "./persist.ts";
import type { Terminal } from "./telemetry/terminal.ts";

/** Options of a service, with their open files, which disposing closes. */
export interface ConfiguredOptions extends Disposable {
  readonly options: ServiceOptions;
}

/** Notes of files that are about to be read. */
interface FileNotes {
  /** Called before the file is read. */
  add(path: string): unknown;
}

const MANIFEST = "fastly.toml";

/**
 * Makes a service's options from flags and from the fastly.toml that they name, or that is in the working directory. Flags
 * override it, name by name.
 *
 * @param storage Persistent storage that outlives these options; by default it is closed with them.
 * @param files Filled with the files that are read, even if one of them is not valid.
 * @throws {CommandError} If a file cannot be read or is not valid.
 */
export async function configure(
  flags: ServiceFlags,
  terminal: Terminal,
  storage?: PersistentStorage,
  files: FileNotes = new Set(),
): Promise<ConfiguredOptions> {
  const file = await findManifest(flags, terminal);
  const folder = dirname(file ?? MANIFEST);
  for (const path of [file ?? MANIFEST, join(folder, ".env")]) files.add(path);
  const io = noting(hostIoAt(folder, (line) => terminal.note("warning", line)), files);
  try {
    const manifest = file === undefined ? NOTHING : await readManifest(file, io);
    const fromFlags = await readFlags(flags, io);
    using open = new DisposableStack();
    const authorities = readAuthorities();
    const options = merged(manifest.options, fromFlags);
    const { kv_bytes } = limitsOf(options.limits);
    const kept = await (storage ?? open.use(new PersistentStorage()))
      .in(storageOf(flags, manifest), kv_bytes, authorities.ca, terminal.note);
    const logs = open.use(routeLogs(endpointsOf(manifest, flags), flags.logFormat, terminal));
    const outputs = open.move();
    return {
      options: {
        ...authorities,
        components: componentsOnDemand,
        ...options,
        log: logs.log,
        ...kept,
      },
      [Symbol.dispose]: () => outputs.dispose(),
    };
  } catch (error) {
    const found = await located(error);
    throw found instanceof ManifestError ? new CommandError(found.message) : found;
  }
}

/** Returns where stores are kept. Flags take precedence over fastly.toml. */
function storageOf(flags: ServiceFlags, manifest: Manifest): NamedStorage {
  const { persist, store, onStoreFailure } = flags;
  const shared = store === undefined ? manifest.store : { ...manifest.store, url: store };
  const failure = onStoreFailure && { onStoreFailure };
  if (persist !== undefined) return { folder: persist, store: undefined };
  if (shared && (store !== undefined || manifest.persist === undefined)) {
    return { folder: undefined, store: { ...shared, ...failure } };
  }
  return { folder: manifest.persist, store: undefined };
}

async function readManifest(file: string, io: HostIo): Promise<Manifest> {
  const { readWith } = await import("./manifest/read.ts"); // starts without a fastly.toml need none of it
  return await readWith(file, io);
}

const NOTHING: Manifest = { options: {}, logEndpoints: {} };

/** Returns access to a machine that adds each file that is read to a set. */
function noting(machine: HostIo, files: FileNotes): HostIo {
  return {
    ...machine,
    read: (path) => {
      files.add(path);
      return machine.read(path);
    },
  };
}

/** Returns the manifest that flags name; by default that of the working directory. */
export function manifestOf({ config, env }: Pick<ServiceFlags, "config" | "env">): string {
  if (env !== undefined) return join(dirname(config ?? MANIFEST), `fastly.${env}.toml`);
  return config ?? MANIFEST;
}

async function findManifest(
  flags: ServiceFlags,
  terminal: Terminal,
): Promise<string | undefined> {
  if (flags.env !== undefined || flags.config !== undefined) return manifestOf(flags);
  try {
    await Deno.lstat(MANIFEST);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new CommandError(`Cannot read ${MANIFEST}: ${reasonOf(error)}`);
  }
  terminal.note("debug", `Reading ${MANIFEST} of the working directory; -C names another one`);
  return MANIFEST;
}

/** Returns the options that flags set. Files of flags are read by the same rules as files of fastly.toml. */
async function readFlags(flags: ServiceFlags, io: HostIo): Promise<ServiceOptions> {
  const options = [];
  for (const [name, entry] of Object.entries(FLAGS)) {
    const document = { task: `use --${name}`, title: `--${name}`, folder: ".", io };
    options.push(
      await entry.options?.(flags, (values) => new ConfigTable(values, "", document)) ?? {},
    );
  }
  return filled(Object.assign({}, ...options));
}

function endpointsOf(manifest: Manifest, { logEndpoints }: ServiceFlags): Manifest["logEndpoints"] {
  const named = Object.entries(logEndpoints).map(([name, file]) => [name, { file }] as const);
  return { ...manifest.logEndpoints, ...Object.fromEntries(named) };
}

/** Merges options of flags over those of the manifest: records name by name, any other option as a whole. */
function merged(manifest: ServiceOptions, flags: ServiceOptions): ServiceOptions {
  const below = manifest as Readonly<Record<string, unknown>>;
  const both = Object.entries(flags).map(([name, value]) => {
    const other = below[name];
    return [name, isRecord(value) && isRecord(other) ? { ...other, ...value } : value];
  });
  return { ...manifest, ...Object.fromEntries(both) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
