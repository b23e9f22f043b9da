/**
 * Projects of the quick start in docs/testing.md, with the caches that builds of the guests have filled: compiled crates,
 * Go's standard library, the packages of npm.
 *
 * @module
 */
import { has, ROOT } from "./cli/commands.ts";
import { cargoEnvironment } from "../testdata/builders/rust.ts";

/** A language of the quick start, by the title of its section. */
export type Language = "Rust" | "Go" | "JavaScript";

/** The page. */
const PAGE = await Deno.readTextFile(`${ROOT}/docs/testing.md`);
const QUICK_START = /^## Quick start\n(.*?)^## /ms.exec(PAGE)![1]!;
/** The page without the quick start. */
export const REST = PAGE.replace(QUICK_START, "");
/** Sections of the quick start by title. */
export const SECTIONS: ReadonlyMap<string, string> = new Map(
  QUICK_START.split(/^### /m).slice(1).map((section) => [section.split("\n")[0]!, section]),
);

/** Languages whose tools are on this machine. */
export const TOOLS: ReadonlyMap<Language, boolean> = new Map([
  ["Rust", await has("cargo", "--version")],
  ["Go", await has("go", "version")],
  ["JavaScript", await has("npx", "--version")],
]);

/** Commands of a section, block by block. */
export function commandsOf(section: string): string[] {
  return Array.from(SECTIONS.get(section)!.matchAll(/^```sh\n(.*?)^```$/gms), ([, text]) => text!);
}

/** Files that a section shows, each with its name in the paragraph before it. */
export function filesOf(section: string): Record<string, string> {
  const files = SECTIONS.get(section)!.matchAll(/^`([^`\n]+)`[^\n]*:\n\n```\w+\n(.*?)^```$/gms);
  return Object.fromEntries(Array.from(files, ([, name, text]) => [name!, pasted(text!)]));
}

/** A block of the page in a folder that is not the checkout. */
export function pasted(block: string): string {
  return block.replaceAll(/"\.\/(testing(\/files)?\.ts)"/g, `"file://${ROOT}/$1"`);
}

/** All files of the quick start for one language. */
export function quickStartFiles(language: Language): Record<string, string> {
  const server = filesOf("The server");
  const toml = server["fastly.toml"]!.replace('"rust"', `"${language.toLowerCase()}"`);
  return { ...filesOf(language), ...filesOf("The test"), ...server, "fastly.toml": toml };
}

/** Prepares a project to use the caches; returns the environment of its builds. */
export async function warm(
  language: Language,
  folder: string,
  packages: boolean,
): Promise<Record<string, string>> {
  if (language === "Go") return { GOFLAGS: "-trimpath" }; // as the guest is built
  if (language === "JavaScript") {
    const guest = `${ROOT}/testdata/javascript`;
    if (packages) await Deno.symlink(await packagesOf(guest), `${folder}/node_modules`);
    else await Deno.copyFile(`${guest}/package-lock.json`, `${folder}/package-lock.json`);
    return { npm_config_prefer_offline: "true", npm_config_ignore_scripts: "true" };
  }
  const guest = `${ROOT}/testdata/rust`;
  const [profile] = /^\[profile\.release\]\n([^[]*)/m.exec(
    await Deno.readTextFile(`${guest}/Cargo.toml`),
  )!;
  await Deno.writeTextFile(`${folder}/Cargo.toml`, `\n${profile}`, { append: true });
  await Deno.copyFile(`${guest}/Cargo.lock`, `${folder}/Cargo.lock`);
  const { CARGO_TARGET_DIR: target, ...env } = await cargoEnvironment("rust", guest);
  await Deno.mkdir(target, { recursive: true });
  await Deno.symlink(target, `${folder}/target`);
  return env;
}

/** @throws {Error} If the packages are not there: builds without them would wait for npm. */
async function packagesOf(guest: string): Promise<string> {
  const packages = `${guest}/node_modules`;
  try {
    await Deno.stat(packages);
  } catch (error) {
    throw new Error(`Cannot find ${packages}: run \`deno task guests\``, { cause: error });
  }
  return packages;
}
