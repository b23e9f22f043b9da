import { fromFileUrl } from "npm:deno-std@1.4.0/path/from_file_url.js";

const ROOT = new URL("../", import.meta.url);
/** Lock file of the packages that the executable loads when it runs. */
const LOCK = fromFileUrl(new URL("deno.lock", ROOT));

/** Options of {@linkcode bundle}. */
interface BundleOptions {
  /** Modules to bundle, relative to the checkout. */
  readonly entries: readonly string[];
  /** Folder that it writes to. */
  readonly to: string;
  /** Specifiers that stay imports, with `*` for any text. By default all is bundled. */
  readonly external?: string;
}

/** Bundles modules with `deno bundle`; modules that several share, or that are loaded later, are files of their own. */
export async function bundle({ entries, to, external }: BundleOptions): Promise<void> {
  const splitting = entries.length > 1 ? ["--code-splitting"] : [];
  await deno([
    ...["bundle", "--quiet", "--platform=deno", `--lock=${LOCK}`, "--frozen"],
    ...["data:*", ...(external ? [external] : [])].map((each) => `--external=${each}`),
    ...[...splitting, `--outdir=${to}`, ...entries],
  ]);
  await makeAscii(to);
}

/** Escapes characters beyond ASCII: one of them makes V8 keep the whole text with two bytes for each character. */
async function makeAscii(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await makeAscii(path);
    else if (name.endsWith(".js")) {
      const code = await Deno.readTextFile(path);
      const escaped = code.replace(
        /[^\0-\x7f]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
      await Deno.writeTextFile(path, escaped);
    }
  }
}

/**
 * Runs Deno in the checkout.
 *
 * @throws {Error} If its status is not 0; the message has its output.
 */
async function deno(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: fromFileUrl(ROOT),
    env: { NO_COLOR: "1", ...env },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`deno ${args[0]} failed:\n${new TextDecoder().decode(stderr)}`);
}
