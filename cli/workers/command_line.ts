import { CommandError, reasonOf } from "../errors.ts";

/** First argument of a worker's process. Its value has the number of the place, and the streams that are terminals. */
const MARK = "--as-worker=";

/** Value of a worker's first argument. */
export interface WorkerMark {
  readonly id: number;
  /** Streams of the supervisor that are terminals, which may have colours. */
  readonly terminals: readonly string[];
}

/**
 * Removes the first argument if it is that of a worker, and returns its value; undefined in a process that a user has
 * started.
 */
export function markOf(argv: readonly string[]): WorkerMark | undefined {
  const [first = ""] = argv;
  if (!first.startsWith(MARK)) return undefined;
  const [id, ...terminals] = first.slice(MARK.length).split(",");
  return { id: Number(id), terminals };
}

/** Returns the first argument of a worker, for {@linkcode markOf}. */
export function marked({ id, terminals }: WorkerMark): string {
  return MARK + [id, ...terminals].join(",");
}

/** Command that starts this executable: program and arguments, without those of `cli.ts`. */
export interface OwnCommand {
  readonly program: string;
  readonly args: readonly string[];
}

/** All permissions of Deno. A process that has each of them without restriction has all. */
const PERMISSIONS = ["read", "write", "net", "env", "run", "sys", "ffi"] as const;

/**
 * Finds the command that started this process, so that workers get the same flags of Deno and the same permissions. Deno
 * has no API for it; the system's process list has it, which only a process with all permissions may read.
 *
 * @throws {CommandError} If the command cannot be found.
 */
export async function ownCommand(): Promise<OwnCommand> {
  const program = Deno.execPath();
  if (Deno.build.standalone) return { program, args: [] };
  const line = Deno.build.os === "linux" ? await commandLine(program) : undefined;
  if (line) {
    const args = line.slice(1, line.length - Deno.args.length);
    // Without `run` a child process of Deno takes the flags for those of Node.
    return { program, args: args[0] === "run" ? args : ["run", ...args] };
  }
  if (PERMISSIONS.every((name) => Deno.permissions.querySync({ name }).state === "granted")) {
    return { program, args: ["run", "-A", Deno.mainModule] };
  }
  throw new CommandError(
    "Cannot start workers: the permissions of this process cannot be found on this system (start with -A)",
  );
}

async function commandLine(program: string): Promise<string[] | undefined> {
  const file = `/proc/${Deno.pid}/cmdline`;
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) return undefined;
    text = await askDeno(program, file);
  }
  const line = text.split("\0").slice(0, -1);
  const own = line.slice(line.length - Deno.args.length);
  return own.every((arg, at) => arg === Deno.args[at]) ? line : undefined;
}

/** Reads a file in another Deno process with all permissions: this one may start it, as it starts workers. */
async function askDeno(program: string, file: string): Promise<string> {
  const code = `await Deno.stdout.write(await Deno.readFile(${JSON.stringify(file)}))`;
  try {
    const { success, stdout } = await new Deno.Command(program, {
      args: ["eval", "--no-config", "--no-lock", code],
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout) : "";
  } catch (error) {
    throw new CommandError(
      `Cannot start workers: ${
        reasonOf(error)
      } (start with --allow-run=${program} and --allow-env)`,
    );
  }
}
