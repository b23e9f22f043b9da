import { dirname } from "node:path";
import type { LogEntry, LogSink } from "../../service/log.ts";
import type { LogEndpoint } from "../manifest/mod.ts";
import { CommandError, reasonOf } from "../errors.ts";
import type { LogFormat } from "../flags/flag_values.ts";
import { Output } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** Sink that passes each log entry to its file or to the terminal. Disposing closes the files. */
interface LogRoutes extends Disposable {
  readonly log: LogSink;
}

/**
 * Writes the records of log endpoints to their files, or to the terminal; all other entries go to the terminal.
 *
 * @param endpoints Endpoints by name; the records of others go to the terminal.
 * @param format Format of endpoints that have none of their own.
 * @throws {CommandError} If a file cannot be opened, or its folder cannot be created.
 */
export function routeLogs(
  endpoints: Readonly<Record<string, LogEndpoint>>,
  format: LogFormat,
  terminal: Terminal,
): LogRoutes {
  const files = new Files();
  const routes = new Map(
    Object.entries(endpoints).map(([name, endpoint]) => [
      name,
      { format, ...endpoint, output: endpoint.file ? files.open(endpoint.file) : undefined },
    ]),
  );
  return {
    log(entry) {
      if (entry.kind !== "endpoint") return terminal.log(entry);
      if (!entry.message) return;
      const { format: shape, output } = routes.get(entry.endpoint) ?? { format, output: undefined };
      if (shape === "text" && !output) return terminal.log(entry);
      const line = shape === "json" ? jsonOf(entry) : entry.message;
      if (output) output.line(line);
      else terminal.line(line);
    },
    [Symbol.dispose]: () => files.close(),
  };
}

function jsonOf({ requestId, endpoint, message }: LogEntry & { kind: "endpoint" }): string {
  return JSON.stringify({ time: new Date().toISOString(), endpoint, requestId, message });
}

/** Opens a file. Its folder is created only if it does not exist, since that needs permission for the folder. */
function openToAppend(path: string): Deno.FsFile {
  const options = { append: true, create: true };
  try {
    return Deno.openSync(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(dirname(path), { recursive: true });
    return Deno.openSync(path, options);
  }
}

/** Open log files. Endpoints with the same file share it. */
class Files {
  readonly #open = new Map<string, { readonly file: Deno.FsFile; readonly output: Output }>();

  open(path: string): Output {
    let open = this.#open.get(path);
    if (!open) {
      try {
        const file = openToAppend(path);
        this.#open.set(path, open = { file, output: new Output(file, false) });
      } catch (error) {
        this.close();
        throw new CommandError(`Cannot write ${path}: ${reasonOf(error)}`);
      }
    }
    return open.output;
  }

  close(): void {
    for (const { file, output } of this.#open.values()) {
      output.flush();
      file.close();
    }
    this.#open.clear();
  }
}
