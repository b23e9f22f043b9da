/** Severity of an event of the host. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** Entry of a service's log, of one of several kinds. */
export type LogEntry =
  /** Record that the guest wrote to a log endpoint, without its last newline. */
  | { kind: "endpoint"; requestId: string; endpoint: string; message: string }
  /** Line of the guest's standard output or error, without its newline. */
  | { kind: "stdout" | "stderr"; requestId: string; message: string }
  /** Event of the host itself; with `requestId` if it concerns a request. */
  | { kind: "host"; level: LogLevel; message: string; requestId?: string }
  /** Hostcall and its result, if `logHostcalls` is set. `micros` is its duration in microseconds, including waits. */
  | {
    kind: "hostcall";
    requestId: string;
    module: string;
    name: string;
    args: readonly (number | bigint)[];
    status: number | undefined;
    micros: number;
  };

/** Function that takes log entries. */
export type LogSink = (entry: LogEntry) => void;
