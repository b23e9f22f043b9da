import { parse } from "npm:smol-toml@1.9.1";
import { dirname, join } from "node:path";
import * as util from "node:util"; // by a name, older Deno without it would not start
import { CommandError, reasonOf } from "../errors.ts";

/** Build of a project. */
export interface ProjectBuild {
  /** Command line for the shell, run in {@linkcode ProjectBuild.folder}. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** Possible paths of the program, the usual one first; the newest existing one is used. */
  readonly outputs: readonly string[];
}

/** Path of every program that the Fastly CLI builds. */
const USUAL_OUTPUT = "bin/main.wasm";
const RUST_TARGETS = ["wasm32-wasip1", "wasm32-wasi"];

/** The Fastly CLI's build commands by `language`, for a fastly.toml without `[scripts] build`. */
const DEFAULT_BUILDS: Readonly<Record<string, string>> = {
  rust: "cargo build --release --target wasm32-wasip1",
  go: "GOARCH=wasm GOOS=wasip1 go build -o bin/main.wasm .",
  javascript: "npm exec js-compute-runtime ./src/index.js ./bin/main.wasm",
  assemblyscript: "npm exec -- asc assembly/index.ts --outFile bin/main.wasm --optimize --noAssert",
};

/** Settings of a project's build besides its fastly.toml. */
interface ProjectSettings {
  /** Command in place of the manifest's own. */
  readonly command?: string | undefined;
  /** Filled with other files that the build is read from, before each is read. */
  readonly files?: { add(path: string): unknown };
}

/**
 * Reads the build of a project from its fastly.toml: `[scripts]` with `build`, `post_build`, `env_vars` and `env_file`, and
 * `language` (https://www.fastly.com/documentation/reference/compute/fastly-toml/).
 *
 * @param text Content of the manifest; `[local_server]` is read elsewhere.
 * @throws {CommandError} If it names neither a command nor a language with a default one.
 */
export function projectBuildOf(
  manifest: string,
  text: string,
  { command, files = new Set() }: ProjectSettings = {},
): ProjectBuild {
  const folder = dirname(manifest);
  const toml = tableOf(parsed(manifest, text));
  const scripts = tableOf(toml.scripts);
  const language = String(toml.language ?? "").toLowerCase();
  const build = command ?? textOf(scripts.build) ?? DEFAULT_BUILDS[language];
  if (build === undefined) {
    throw new CommandError(
      `Cannot build the project: ${manifest} has no build command (add [scripts] with ` +
        `build = "…", or name a program: fastlike app.wasm)`,
    );
  }
  const after = command === undefined ? textOf(scripts.post_build) : undefined;
  const cargo = join(folder, "Cargo.toml");
  files.add(cargo);
  const envFile = textOf(scripts.env_file);
  if (envFile !== undefined) files.add(join(folder, envFile));
  return {
    command: after === undefined ? build : `${build} && ${after}`,
    env: { ...envFileOf(folder, envFile), ...variablesOf(scripts.env_vars) },
    folder,
    outputs: [USUAL_OUTPUT, ...rustOutputs(cargo)].map((path) => join(folder, path)),
  };
}

function parsed(manifest: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new CommandError(`Cannot read ${manifest}: ${reasonOf(error).split("\n")[0]}`);
  }
}

/** Returns the newest program; undefined if there is none. */
export function newestOf(outputs: readonly string[]): string | undefined {
  let newest: { readonly path: string; readonly time: number } | undefined;
  for (const path of outputs) {
    try {
      const time = Deno.statSync(path).mtime?.getTime() ?? 0;
      if (!newest || time > newest.time) newest = { path, time };
    } catch {
      // The file does not exist.
    }
  }
  return newest?.path;
}

/** Returns the paths at which cargo leaves programs. */
function rustOutputs(manifest: string): string[] {
  let name: unknown;
  try {
    const cargo = parse(Deno.readTextFileSync(manifest)) as Record<string, unknown>;
    const [bin] = Array.isArray(cargo.bin) ? cargo.bin : [];
    name = tableOf(bin).name ?? tableOf(cargo.package).name;
  } catch {
    return [];
  }
  const target = Deno.env.get("CARGO_TARGET_DIR") ?? "target";
  return RUST_TARGETS.map((triple) => join(target, triple, "release", `${name}.wasm`));
}

function envFileOf(folder: string, file: string | undefined): Record<string, string> {
  if (file === undefined) return {};
  const path = join(folder, file);
  try {
    return { ...util.parseEnv(Deno.readTextFileSync(path)) } as Record<string, string>;
  } catch (error) {
    throw new CommandError(
      `Cannot read ${path}, which [scripts] env_file names: ${reasonOf(error)}`,
    );
  }
}

/** Reads variables from a list of `NAME=value`. */
function variablesOf(list: unknown): Record<string, string> {
  const lines = Array.isArray(list) ? list.map(String) : [];
  return { ...util.parseEnv(lines.join("\n")) } as Record<string, string>;
}

function tableOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
