// What the builders share: where things are, and running a tool so that a failure reads well.

/** The `testdata` directory, with a slash at the end. */
export const TESTDATA = new URL("../", import.meta.url);

/** Where the finished modules go: `testdata/built/NAME.wasm`. */
export const BUILT = new URL("built/", TESTDATA);

/** A plain path for tools that know no file URLs; no slash at the end. */
export function toPath(url: URL): string {
  const path = decodeURIComponent(url.pathname).replace(/\/$/, "");
  // file:///C:/x has the path /C:/x.
  return Deno.build.os === "windows" ? path.slice(1) : path;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/** Runs a tool and returns what it printed; its messages go into the error when it fails. */
export async function run(
  guest: string,
  tool: string,
  args: string[],
  options: RunOptions = {},
): Promise<string> {
  const decoder = new TextDecoder();
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(tool, { args, ...options }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Error(`Cannot build ${guest}: ${tool} is not installed`);
    }
    throw error;
  }
  if (!output.success) {
    const messages = decoder.decode(output.stderr).trim();
    throw new Error(`Cannot build ${guest}: ${tool} failed with exit ${output.code}\n${messages}`);
  }
  return decoder.decode(output.stdout);
}
