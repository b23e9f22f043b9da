import type { LogSink } from "../../service/log.ts";
import type { ServiceOptions } from "../../service/options.ts";
import type { Terminal } from "./terminal.ts";

/** Which of a guest's streams are treated as log endpoints of the same name. */
export interface Captured {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

const NEWLINE = 10;

/**
 * Takes what a guest writes to its standard output and error: each piece between newlines of one write as a record of a
 * log endpoint, where the stream is captured; else as it is. Everything appears in the order in which it was written.
 */
export function stdioTo(
  terminal: Terminal,
  log: LogSink | undefined,
  captured: Captured,
): NonNullable<ServiceOptions["stdio"]> {
  return (stream, bytes, requestId) => {
    if (!captured[stream]) return terminal.raw(stream, bytes);
    for (const message of piecesOf(bytes)) {
      log?.({ kind: "endpoint", requestId, endpoint: stream, message });
    }
  };
}

/** Nothing is kept for the next write: its last piece counts without a newline too. */
function piecesOf(bytes: Uint8Array): string[] {
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  for (let from = 0; from < bytes.length;) {
    const at = bytes.indexOf(NEWLINE, from);
    const to = at < 0 ? bytes.length : at;
    if (to > from) pieces.push(decoder.decode(bytes.subarray(from, to)));
    from = to + 1;
  }
  return pieces;
}
