import type { LogEntry } from "../../service/log.ts";
import type { Terminal } from "./terminal.ts";

/** Longest time for which an entry waits for the access record of its request, in milliseconds. */
const MAX_WAIT = 1000;
/** Number of ended requests that are remembered, whose later entries are written at once. */
const MAX_ENDED = 256;
/** Maximum number of entries of one request that wait. */
const MAX_ENTRIES = 100;

interface WaitingEntries {
  readonly entries: LogEntry[];
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * Returns a terminal that writes the host's entries about a request after the request's access record, so that readers see
 * which request they concern. Entries wait for at most a second: a longer request may hang, and they may give the reason.
 */
export function recordFirst(terminal: Terminal): Terminal & Disposable {
  const waitingById = new Map<string, WaitingEntries>();
  // A ring buffer, since few requests have entries: adding to it costs less than hashing each request's id.
  const ended = new Array<string | undefined>(MAX_ENDED);
  let endedCount = 0;
  const release = (id: string) => {
    const waiting = waitingById.get(id);
    if (!waiting) return;
    waitingById.delete(id);
    clearTimeout(waiting.timer);
    for (const entry of waiting.entries) terminal.log(entry);
  };
  const hold = (id: string, entry: LogEntry) => {
    let waiting = waitingById.get(id);
    if (!waiting) {
      const timer = setTimeout(() => release(id), MAX_WAIT);
      waitingById.set(id, waiting = { entries: [], timer });
    }
    waiting.entries.push(entry);
    if (waiting.entries.length >= MAX_ENTRIES) release(id);
  };
  const releaseAll = () => {
    for (const id of waitingById.keys()) release(id);
  };
  return {
    ...terminal,
    log(entry) {
      const id = entry.kind === "host" ? entry.requestId : undefined;
      if (id === undefined || ended.includes(id)) terminal.log(entry);
      else hold(id, entry);
    },
    access(entry) {
      terminal.access(entry);
      const { requestId } = entry.metrics;
      if (requestId === undefined) return;
      ended[endedCount++ % MAX_ENDED] = requestId;
      if (waitingById.size) release(requestId);
    },
    flush() {
      releaseAll();
      terminal.flush();
    },
    close() {
      releaseAll();
      terminal.close();
    },
    [Symbol.dispose]: releaseAll,
  };
}
