import { parse } from "npm:smol-toml@1.9.1";
import { dirname, join } from "node:path";
import * as util from "node:util"; // by a name, older Deno without it would not start
import { isPlainObject } from "../../service/util/plain_object.ts";
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
 * @throws {CommandError} If it names neither a command nor a language with a default one, or a key is wrong.
 */
export function projectBuildOf(
  manifest: string,
  text: string,
  { command, files = new Set() }: ProjectSettings = {},
): ProjectBuild {
  const folder = dirname(manifest);
  const toml = new Keys(parsed(manifest, text), manifest);
  const scripts = toml.table("scripts");
  const language = toml.text("language");
  const [own, after] = [scripts.text("build"), scripts.text("post_build")];
  const variables = scripts.variables("env_vars");
  const cargo = join(folder, "Cargo.toml");
  files.add(cargo);
  const envFile = scripts.text("env_file");
  const build = command ?? own ?? DEFAULT_BUILDS[language?.toLowerCase() ?? ""] ??
    noBuild(manifest, language);
  if (envFile !== undefined) files.add(join(folder, envFile));
  return {
    command: after === undefined || command !== undefined ? build : inTurn(build, after),
    env: { ...envFileOf(folder, envFile), ...variables },
    folder,
    outputs: [USUAL_OUTPUT, ...rustOutputs(cargo)].map((path) => join(folder, path)),
  };
}

function noBuild(manifest: string, language: string | undefined): never {
  const usual = language === undefined ? "" : `, and the language "${language}" no usual one`;
  throw new CommandError(
    `Cannot build the project: ${manifest} has no build command${usual} (add [scripts] with ` +
      `build = "…", or name a program: fastlike app.wasm)`,
  );
}

/** Runs two commands for the shell, each in a shell of its own; the second only if the first succeeds. */
function inTurn(first: string, second: string): string {
  const [open, close] = Deno.build.os === "windows" ? ["(", ")"] : ["(\n", "\n)"];
  return [first, second].map((command) => open + command + close).join(" && ");
}

function parsed(manifest: string, text: string): Readonly<Record<string, unknown>> {
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

/** Keys of a table in a fastly.toml. */
class Keys {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #manifest: string;
  readonly #place: string;

  constructor(values: Readonly<Record<string, unknown>>, manifest: string, place = "") {
    this.#values = values;
    this.#manifest = manifest;
    this.#place = place;
  }

  table(key: string): Keys {
    const value = this.#values[key] ?? {};
    if (!isPlainObject(value)) this.#wrong(key, "a table");
    return new Keys(value, this.#manifest, ` in ${key}`);
  }

  /** Returns a text; undefined if it is absent or blank. */
  text(key: string): string | undefined {
    const value = this.#values[key] ?? "";
    if (typeof value !== "string") this.#wrong(key, "a text in quotes");
    return value.trim() === "" ? undefined : value;
  }

  /** Returns the variables of a list of `NAME=value`, whose values are taken as they are. */
  variables(key: string): Record<string, string> {
    const list = this.#values[key] ?? [];
    const wrong = () => this.#wrong(key, 'a list of "NAME=value"');
    if (!Array.isArray(list)) wrong();
    return Object.fromEntries((list as unknown[]).map((variable) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(String(variable)) ?? wrong();
      return [name!, value!];
    }));
  }

  #wrong(key: string, expected: string): never {
    throw new CommandError(
      `Cannot read ${this.#manifest}: key "${key}"${this.#place} must be ${expected}`,
    );
  }
}

/** Returns a table of a TOML file; an empty one in place of all else. */
export function tableOf(value: unknown): Readonly<Record<string, unknown>> {
  return isPlainObject(value) ? value : {};
}
