import { CommandError, reasonOf } from "../errors.ts";

/** Argument before all others that makes a process a worker. Its value: the place's number, and which streams are terminals. */
const MARK = "--as-worker=";

/** Facts of a worker from its command line. */
export interface WorkerMark {
  readonly id: number;
  /** Streams of the supervisor that are terminals, which may have colours. */
  readonly terminals: readonly string[];
}

/** Removes the mark of a worker from the arguments and returns it; undefined in a process that a user has started. */
export function markOf(argv: readonly string[]): WorkerMark | undefined {
  const [first = ""] = argv;
  if (!first.startsWith(MARK)) return undefined;
  const [id, ...terminals] = first.slice(MARK.length).split(",");
  return { id: Number(id), terminals };
}

/** Returns the argument for {@linkcode markOf}. */
export function marked({ id, terminals }: WorkerMark): string {
  return MARK + [id, ...terminals].join(",");
}

/** A program and its arguments, up to those of `cli.ts`. */
export interface OwnCommand {
  readonly program: string;
  readonly args: readonly string[];
}

/** Permissions that are either granted whole or not at all. */
const PERMISSIONS = ["read", "write", "net", "env", "run", "sys", "ffi"] as const;

/**
 * Finds how this process was started, so that workers have the same flags and permissions, and no others. Deno does not
 * tell: the system does, which only a process with all permissions may ask.
 *
 * @throws {CommandError} If it cannot be found.
 */
export async function ownCommand(): Promise<OwnCommand> {
  const program = Deno.execPath();
  if (Deno.build.standalone) return { program, args: [] };
  const line = Deno.build.os === "linux" ? await commandLine(program) : undefined;
  if (line) {
    const args = line.slice(1, line.length - Deno.args.length);
    // Without a command Deno's child processes would take the flags for those of Node.
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

/** Has Deno, which may be started here to start workers, read the file. */
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
