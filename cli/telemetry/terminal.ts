import type { LogEntry, LogLevel } from "../../service/log.ts";
import { accessJson, accessLine } from "./access.ts";
import type { LogFormat } from "../flags/flag_values.ts";
import type { AccessEntry } from "../../server/listen_options.ts";
import type { Output } from "./output.ts";

/** Options of {@linkcode openTerminal}. */
interface TerminalOptions {
  /** 0 writes information and above, 1 details too, 2 hostcalls too. */
  readonly verbosity: number;
  /** Format of access lines; by default text. */
  readonly format?: LogFormat;
  /** Whether host entries have their request's id after the first line; by default `false`. */
  readonly requestIds?: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Output of the process. */
export interface Terminal {
  readonly log: (entry: LogEntry) => void;
  readonly access: (entry: AccessEntry) => void;
  /** Writes a line to standard output, unchanged. */
  readonly line: (text: string) => void;
  /** Writes bytes of a guest's standard output or error, unchanged and at once. */
  readonly raw: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
  /** Writes a message about the process itself. */
  readonly note: (level: LogLevel, message: string) => void;
  /** Writes buffered lines. */
  flush(): void;
}

/** Opens the output of the process. Lines of both streams are written in order, since both may be one terminal. */
export function openTerminal(options: TerminalOptions): Terminal {
  const { stdout, stderr, verbosity } = options;
  const line = (text: string) => {
    stderr.flush();
    stdout.line(text);
  };
  const errorLine = (text: string) => {
    stdout.flush();
    stderr.line(text);
  };
  const note = (level: LogLevel, message: string) => {
    if (level === "debug" && verbosity < 1) return;
    errorLine(`${stderr.paint(COLOURS[level], level)}: ${message}`);
  };
  return {
    log(entry) {
      switch (entry.kind) {
        case "endpoint":
          if (entry.message) line(endpointLine(entry, stdout));
          return;
        case "stdout":
          return line(entry.message);
        case "stderr":
          return errorLine(entry.message);
        case "hostcall":
          if (verbosity > 1) errorLine(stderr.paint("dim", hostcallLine(entry)));
          return;
        case "host":
          return note(entry.level, options.requestIds ? withId(entry) : entry.message);
      }
    },
    line,
    access: options.format === "json"
      ? (entry) => line(accessJson(entry))
      : (entry) => line(accessLine(entry, stdout, verbosity > 0)),
    raw(stream, bytes) {
      stdout.flush();
      stderr.flush();
      (stream === "stdout" ? stdout : stderr).raw(bytes);
    },
    note,
    flush() {
      stdout.flush();
      stderr.flush();
    },
  };
}

const COLOURS = { debug: "dim", info: "cyan", warning: "yellow", error: "red" } as const;

function endpointLine(entry: LogEntry & { kind: "endpoint" }, output: Output): string {
  // Records of several lines are written as by Fastly's own local server.
  return `${output.paint("cyan", entry.endpoint)} :: ${entry.message.replaceAll("\n", "\\n")}`;
}

/** Adds the request's id after the first line of the message: error responses without details have this id. */
function withId({ message, requestId }: LogEntry & { kind: "host" }): string {
  return requestId === undefined ? message : message.replace(/$/m, ` (request ${requestId})`);
}

function hostcallLine(entry: LogEntry & { kind: "hostcall" }): string {
  const { module, name, args, status, micros } = entry;
  const answer = status === undefined ? "" : ` = ${status}`;
  return `${module}.${name}(${args.join(", ")})${answer} ${micros.toFixed(0)}us`;
}
