import { dirname, join } from "node:path";
import type { ServiceOptions } from "../service/options.ts";
import { parseAcls, parseDevices, parseGeo } from "./manifest/lookups.ts";
import { type Manifest, parseManifest } from "./manifest/mod.ts";
import { parseConfigStores, parseKvStores, parseSecretStores } from "./manifest/stores.ts";
import { ConfigTable, type HostIo, ManifestError } from "./manifest/table.ts";
import type { ServiceFlags } from "./flags/args.ts";
import { readAuthorities } from "./authorities.ts";
import { environmentWith } from "./manifest/env_file.ts";
import { CommandError, reasonOf } from "./errors.ts";
import { type LogRoutes, routeLogs } from "./telemetry/log_endpoints.ts";
import { imagesOnDemand } from "./images.ts";
import { persistIn } from "./persist.ts";
import type { Terminal } from "./telemetry/terminal.ts";

/** The options of a service, and the files that they write to, which the caller closes. */
export interface Configured extends Disposable {
  readonly options: ServiceOptions;
}

const MANIFEST = "fastly.toml";

/**
 * Makes a service's options of the flags and of the fastly.toml that they name, or that is in the working directory.
 * Flags win, name by name.
 *
 * @throws {CommandError} If one of the files cannot be read or has a mistake in it.
 */
export async function configure(flags: ServiceFlags, terminal: Terminal): Promise<Configured> {
  const file = await findManifest(flags, terminal);
  const machine = machineAt(dirname(file ?? MANIFEST), terminal);
  try {
    const manifest = file === undefined ? NOTHING : await readManifest(file, machine);
    const fromFlags = await readFlags(flags, machine);
    using open = new DisposableStack();
    const persist = flags.persist ?? manifest.persist;
    const storage = persist === undefined ? undefined : open.use(await persistIn(persist));
    const logs = open.use(routeLogs(endpointsOf(manifest, flags), flags.logFormat, terminal));
    const options = optionsOf(manifest, fromFlags, flags, logs);
    const files = open.move();
    return {
      options: {
        ...readAuthorities(),
        ...options,
        ...storage && {
          kvDriver: storage.kvDriver,
          cacheDriver: storage.cacheDriver,
          rateDriver: storage.rateDriver,
        },
      },
      [Symbol.dispose]: () => files.dispose(),
    };
  } catch (error) {
    throw error instanceof ManifestError ? new CommandError(error.message) : error;
  }
}

const NOTHING: Manifest = { options: {}, logEndpoints: {} };

async function findManifest(
  { config, env }: ServiceFlags,
  terminal: Terminal,
): Promise<string | undefined> {
  if (env !== undefined) return join(dirname(config ?? MANIFEST), `fastly.${env}.toml`);
  if (config !== undefined) return config;
  try {
    await Deno.lstat(MANIFEST);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new CommandError(`Cannot read ${MANIFEST}: ${reasonOf(error)}`);
  }
  terminal.note("debug", `Reading ${MANIFEST} of the working directory; -C names another one`);
  return MANIFEST;
}

async function readManifest(file: string, machine: HostIo): Promise<Manifest> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${reasonOf(error)}`);
  }
  return await parseManifest(text, file, machine);
}

/** Flags name files as tables of the manifest do, and are read by the same rules. */
async function readFlags(flags: ServiceFlags, machine: HostIo): Promise<FlagOptions> {
  const table = (flag: string, values: Readonly<Record<string, unknown>>) =>
    new ConfigTable(values, "", {
      task: `use --${flag}`,
      title: `--${flag}`,
      folder: ".",
      machine,
    });
  const { configStores, secretStores, kvStores, acls, geo, device } = flags;
  return {
    configStores: parseConfigStores(table("config-store", jsonFiles(configStores))),
    secretStores: parseSecretStores(table("secret-store", jsonFiles(secretStores))),
    kvStores: parseKvStores(table("kv", jsonFiles(kvStores))),
    acls: parseAcls(table("acl", acls)),
    ...geo !== undefined && { geo: await parseGeo(table("geo", geoFile(geo))) },
    ...device !== undefined && { devices: parseDevices(table("device", jsonFile(device))) },
  };
}

type FlagOptions = Pick<
  ServiceOptions,
  "configStores" | "secretStores" | "kvStores" | "acls" | "geo" | "devices"
>;

/** As the tables of stores in a manifest; a store without a file is an empty list. */
function jsonFiles(files: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, file === undefined ? [] : jsonFile(file)]),
  );
}

function jsonFile(file: string): Record<string, unknown> {
  return { file, format: "json" };
}

function geoFile(file: string): Record<string, unknown> {
  return { file, format: file.endsWith(".mmdb") ? "mmdb" : "json" };
}

function endpointsOf(manifest: Manifest, { logEndpoints }: ServiceFlags): Manifest["logEndpoints"] {
  const named = Object.entries(logEndpoints).map(([name, file]) => [name, { file }] as const);
  return { ...manifest.logEndpoints, ...Object.fromEntries(named) };
}

function optionsOf(
  { options }: Manifest,
  fromFlags: FlagOptions,
  {
    backends,
    catchAll,
    guestEnv,
    limits,
    verbosity,
    cache,
    loopGuard,
    allowUnlimited,
    trustProxy,
    botHeaders,
    errors,
    imageOptimizer,
    reuse,
    viceroy,
  }: ServiceFlags,
  { log }: LogRoutes,
): ServiceOptions {
  return {
    ...options,
    ...fromFlags,
    ...viceroy.options,
    backends: { ...options.backends, ...backends },
    configStores: { ...options.configStores, ...fromFlags.configStores },
    secretStores: { ...options.secretStores, ...fromFlags.secretStores },
    kvStores: { ...options.kvStores, ...fromFlags.kvStores },
    acls: { ...options.acls, ...fromFlags.acls },
    ...Object.keys(guestEnv).length && { env: guestEnv },
    ...catchAll !== undefined && { catchAll },
    limits: { ...options.limits, ...limits },
    log,
    logHostcalls: verbosity > 1,
    cache,
    loopGuard,
    ...allowUnlimited && { allowUnlimited },
    ...trustProxy.length && { trustProxy },
    ...botHeaders && { botHeaders },
    ...errors && { errors },
    ...imageOptimizer && { imageOptimizer: imagesOnDemand() },
    reuse,
  };
}

/** How long after a change a file may change again at the same modification time, as file systems count in steps; in milliseconds. */
const FRESH = 100;

function versionOf(path: string): string | undefined {
  try {
    const { mtime, ctime, size, ino } = Deno.statSync(path);
    if (!mtime || Math.abs(Date.now() - mtime.getTime()) < FRESH) return undefined;
    return [mtime.getTime(), ctime?.getTime(), size, ino].join();
  } catch {
    return undefined; // reading it tells why
  }
}

/** @param folder Where the manifest is, and with it a `.env`. */
function machineAt(folder: string, terminal: Terminal): HostIo {
  return {
    read: (path) => {
      try {
        return Deno.readFileSync(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw new Error(reasonOf(error));
      }
    },
    versionOf,
    env: environmentWith(folder),
    warn: (line) => terminal.note("warning", line),
    openDatabase: async (bytes) => (await import("./manifest/mmdb.ts")).openDatabase(bytes),
  };
}
