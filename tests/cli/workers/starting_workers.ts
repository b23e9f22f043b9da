import type { ServeCommand } from "../../../cli/flags/args.ts";
import type { Terminal } from "../../../cli/telemetry/terminal.ts";
import type { Pause } from "../../../cli/workers/fleet.ts";
import { Workers } from "../../../cli/workers/workers.ts";

/**
 * Starts workers that serve nothing: `starting_worker.ts` names the files in the folder that command them.
 *
 * @param note Takes the log.
 * @param pause Pauses before a place is filled again, in milliseconds; by default those of the executable.
 */
export function startingWorkers(
  count: number,
  folder: string,
  note: Terminal["note"] = () => {},
  pause?: Pause,
): Workers {
  const program = new URL("starting_worker.ts", import.meta.url).pathname;
  return new Workers({
    command: { workers: count } as ServeCommand,
    terminal: { note, raw() {} } as unknown as Terminal,
    terminals: [],
    own: { program: Deno.execPath(), args: ["run", "-A", "--no-check", program, folder] },
    file: () => "",
    folder,
    pause,
  });
}
