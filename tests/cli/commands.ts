/** The checkout, without a slash at the end. */
export const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** The executable's source. */
export const CLI = `${ROOT}/cli.ts`;

/** Exit status and output of a command. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Working directory and variables of a command. */
export interface Place {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `cli.ts` to its end. */
export function runCli(args: readonly string[], place: Place = {}): Promise<Ended> {
  return command(Deno.execPath(), ["run", "-A", "--no-check", CLI, ...args], place);
}

/** Runs a command to its end, with this very Deno on its path. */
export async function command(
  program: string,
  args: readonly string[],
  { cwd = ROOT, env = {} }: Place = {},
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { ...denoFirst(), NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A `PATH` on which `deno` is the Deno that runs the tests. */
export function denoFirst(): { PATH: string } {
  const folder = Deno.execPath().replace(/[^/]*$/, "");
  return { PATH: `${folder}:${Deno.env.get("PATH") ?? ""}` };
}

/** Whether a program can be started. */
export async function has(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await command(program, args)).code === 0;
  } catch {
    return false;
  }
}

/** Calls `use` with a temporary folder that has these files. */
export async function withFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      if (typeof content === "string") await Deno.writeTextFile(`${folder}/${name}`, content);
      else await Deno.writeFile(`${folder}/${name}`, content);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
