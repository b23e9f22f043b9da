import type { LogSink } from "../../service/log.ts";
import type { ServiceOptions } from "../../service/options.ts";
import type { Terminal } from "./terminal.ts";

/** Streams of a guest that are treated as log endpoints of the same name. */
interface Captured {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

const NEWLINE = 10;

/**
 * Returns a sink for a guest's standard output and error. For a captured stream, each line of a write is a record of a log
 * endpoint; other streams go to the terminal unchanged, in the order of the writes.
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

/** Splits a write into lines. A last piece without a newline is a line, too: it is not joined with the next write. */
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
