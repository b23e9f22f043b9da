import { ROOT } from "../_graph.ts";
import { succeed } from "./_folder.ts";

const TARBALLS = new URL("dist/npm/", ROOT).pathname;
const [fastlike, viceroy] = ["fastlike-", "fastlike-viceroy-"].map((name) => {
  const file = [...Deno.readDirSync(TARBALLS)].find((entry) =>
    entry.name.startsWith(name) && /^\d/.test(entry.name.slice(name.length))
  );
  if (!file) throw new Error(`There is no ${name}….tgz: run "deno task npm"`);
  return TARBALLS + file.name;
}) as [string, string];

/** Tarball of the package. */
export const FASTLIKE: string = fastlike;
/** A search path without any Deno: node's folder and the system's. */
const PATH = [
  ...new Set([
    (await succeed("sh", ["-c", "dirname $(command -v node)"])).trim(),
    "/usr/bin",
    "/bin",
  ]),
]
  .join(":");
/** Environment of a machine with node alone. */
export const ENV = { PATH, npm_config_update_notifier: "false" };

/** Installs the packages in a folder, without install scripts. */
export async function install(folder: string): Promise<void> {
  const manifest = '{ "private": true, "type": "module" }';
  await Deno.writeTextFile(`${folder}/package.json`, manifest);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund"];
  await succeed("npm", ["install", ...flags, fastlike, viceroy], { cwd: folder, env: ENV });
}
