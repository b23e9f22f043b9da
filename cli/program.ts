import type { Exchange } from "../service/http/exchange.ts";
import type { ServiceOptions } from "../service/options.ts";
import type { Status } from "../service/status.ts";
import { CommandError, reasonOf } from "./errors.ts";
import { commandAdvice } from "./flags/commands.ts";
import { messageOf } from "../service/errors.ts";
import { readWhole } from "./read_whole.ts";

/** A loaded program: `Fastlike` of the library. */
export interface LoadedProgram extends AsyncDisposable {
  answer(exchange: Exchange): Promise<void>;
  /** Notes that a connection was ended because of `stall_time`; `event` is for the log. */
  stalled(exchange: Exchange | undefined, event: string): void;
  /** Makes instances ahead of requests; returns how many are ready. */
  warmup(count: number): number;
  /** Returns instances, queue, traps, limits hit and backends as plain data. */
  status(): Status;
  /** Ends sandboxes that wait for another request. */
  retire(): void;
  /** Runs the program once; resolves to the guest's exit status. */
  run(): Promise<number>;
  /** Replaces the program and its options for new requests; if it rejects, with an error of one line, nothing changes. */
  reload(wasm: Uint8Array, options: ServiceOptions): Promise<void>;
}

/** Loads a program from a module's bytes, which are still being read; rejects with an error of one line. */
export type Load = (wasm: Promise<Uint8Array>, options: ServiceOptions) => Promise<LoadedProgram>;

/**
 * Loads a program from a file: a module, or its text (`.wat`).
 *
 * @throws {CommandError} If the file cannot be read, or is not a program.
 */
export function loadFile(
  file: string,
  load: Load,
  options: ServiceOptions,
): Promise<LoadedProgram> {
  return withBytes(file, (wasm) => load(wasm, options));
}

/**
 * Replaces a program that is served by that of a file.
 *
 * @throws {CommandError} If the file cannot be read, or is not a program.
 */
export function reloadFile(
  file: string,
  program: LoadedProgram,
  options: ServiceOptions,
): Promise<void> {
  return withBytes(file, async (wasm) => await program.reload(await wasm, options));
}

async function withBytes<T>(
  file: string,
  use: (wasm: Promise<Uint8Array>) => Promise<T>,
): Promise<T> {
  const reading = readWhole(file);
  const wasm = reading.then((bytes) => moduleOf(file, bytes));
  wasm.catch(() => {}); // told below
  try {
    return await use(wasm);
  } catch (error) {
    await reading.catch((cause) => {
      const advice = cause instanceof Deno.errors.NotFound ? commandAdvice(file) : "";
      throw new CommandError(`Cannot read ${file}: ${reasonOf(cause)}${advice}`);
    });
    const message = messageOf(error);
    const reason = message.replace(/^Cannot (load|run) the program: /, "");
    throw new CommandError(`Cannot run ${file}: ${reason.replace(/\s*\n\s*/g, " ")}`);
  }
}

/** Returns a module's bytes; a file that is text, by its name or by its first bytes, is assembled. */
async function moduleOf(file: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] === 0 || !(file.endsWith(".wat") || /^\s*\(/.test(beginning(bytes)))) return bytes;
  const { assemble } = await import("./wat.ts");
  return await assemble(file, new TextDecoder().decode(bytes));
}

function beginning(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 64));
}
