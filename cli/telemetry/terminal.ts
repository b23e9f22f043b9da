import { configureSync, getLogger, type LogRecord, resetSync } from "npm:@logtape/logtape@2.4.2";
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
  /** Flushes, and resets LogTape's configuration. */
  close(): void;
}

/**
 * Sets LogTape up for this process. Its records are finished lines (`rawMessage`) of the categories `fastlike.stdout`
 * and `fastlike.stderr`: LogTape takes 0.6 us for one without properties, and four times that with any.
 */
export function openTerminal(options: TerminalOptions): Terminal {
  const { stdout, stderr, verbosity } = options;
  const lowestLevel = verbosity > 1 ? "trace" : verbosity > 0 ? "debug" : "info";
  configureSync({
    sinks: { terminal: lineSink(stdout, stderr) },
    loggers: [
      { category: "fastlike", sinks: ["terminal"], lowestLevel },
      { category: ["logtape", "meta"], sinks: ["terminal"], lowestLevel: "error" },
    ],
  });
  const out = getLogger(["fastlike", "stdout"]);
  const err = getLogger(["fastlike", "stderr"]);
  // Access records have no level, and there is one for each request: they bypass LogTape for speed.
  const access = (line: string) => {
    stderr.flush(); // both may be one terminal, on which lines are to be in order
    stdout.line(line);
  };
  const note = (level: LogLevel, message: string) =>
    err[LEVELS[level]](`${stderr.paint(COLOURS[level], level)}: ${message}`);
  return {
    log(entry) {
      switch (entry.kind) {
        case "endpoint":
          if (entry.message) out.info(endpointLine(entry, stdout));
          return;
        case "stdout":
          return out.info(entry.message);
        case "stderr":
          return err.info(entry.message);
        case "hostcall":
          return err.trace(stderr.paint("dim", hostcallLine(entry)));
        case "host":
          return note(entry.level, options.requestIds ? withId(entry) : entry.message);
      }
    },
    line: (text) => out.info(text),
    access: options.format === "json"
      ? (entry) => access(accessJson(entry))
      : (entry) => access(accessLine(entry, stdout, verbosity > 0)),
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
    close() {
      stdout.flush();
      stderr.flush();
      resetSync();
    },
  };
}

const LEVELS = { debug: "debug", info: "info", warning: "warn", error: "error" } as const;

function lineSink(stdout: Output, stderr: Output): (record: LogRecord) => void {
  return (record) => {
    const { category, rawMessage } = record;
    const [output, other] = category[1] === "stdout" ? [stdout, stderr] : [stderr, stdout];
    other.flush(); // both may be one terminal, on which lines are to be in order
    // `rawMessage` and not `message`, in which LogTape replaces placeholders in braces.
    output.line(category[0] === "fastlike" ? rawMessage as string : record.message.join(""));
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
