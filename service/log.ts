/** How much a host event matters. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** Something that a service has to tell. {@linkcode LogEntry.kind} says what. */
export type LogEntry =
  /** A record that the guest wrote to a log endpoint, without its last newline. */
  | { kind: "endpoint"; requestId: string; endpoint: string; message: string }
  /** A line of the guest's standard output or error, without its newline. */
  | { kind: "stdout" | "stderr"; requestId: string; message: string }
  /** What the host itself noticed. `requestId` is there if it was in a request. */
  | { kind: "host"; level: LogLevel; message: string; requestId?: string }
  /** A hostcall and its answer, when `logHostcalls` asks for them. `micros` includes the time it waited. */
  | {
    kind: "hostcall";
    requestId: string;
    module: string;
    name: string;
    args: readonly (number | bigint)[];
    status: number | undefined;
    micros: number;
  };

/** Where log entries go. */
export type LogSink = (entry: LogEntry) => void;
