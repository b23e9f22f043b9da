import type { RunCommand } from "../flags/args.ts";
import { configure } from "../options.ts";
import { type Load, loadFile } from "../program.ts";
import { SIGNALS, Signals } from "../signals.ts";
import { stdioTo } from "../telemetry/stdio.ts";
import type { Terminal } from "../telemetry/terminal.ts";

/** Default limits of a single run, which is not a client's request and may be a whole test suite. */
const NO_REQUEST = {
  cpu_time: Infinity,
  wall_time: Infinity,
  stall_time: Infinity,
  backend_requests: Infinity,
  log_bytes: Infinity,
};

/**
 * Runs a program once, with its standard output and error on the terminal. Its time is not limited unless the command line
 * or fastly.toml does so, since the user waits for it and can end it.
 *
 * @returns The guest's exit status; 134 if it trapped, with the trap in the log; 130 or 143 if a signal has ended it.
 * @throws {CommandError} If it cannot start.
 */
export async function run(command: RunCommand, load: Load, terminal: Terminal): Promise<number> {
  using signals = new Signals();
  using configured = await configure(command, terminal);
  const { options } = configured;
  await using program = await loadFile(command.wasm, load, {
    ...options,
    reuse: "never", // it runs once
    signals: SIGNALS,
    args: command.args,
    limits: { ...NO_REQUEST, ...options.limits },
    stdio: stdioTo(terminal, options.log, command.captured),
  });
  return await (signals.received ? signals.first : Promise.race([program.run(), signals.first]));
}
