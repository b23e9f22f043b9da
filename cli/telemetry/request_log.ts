import type { LogEntry } from "../../service/log.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds that an entry waits for the access record of its request. */
const MAX_HELD = 1000;
/** Ids of ended requests that are remembered: later entries of those are written at once. */
const MAX_ENDED = 256;
/** Entries of one request that are held at most. */
const MAX_ENTRIES = 100;

interface Held {
  readonly entries: LogEntry[];
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * Returns a terminal that writes the host's entries about a request after the request's access record, so that the
 * reader knows which request they are about. Entries wait for a second at most: a request that goes on may hang, and
 * they may say why.
 */
export function recordFirst(terminal: Terminal): Terminal & Disposable {
  const held = new Map<string, Held>();
  // A ring: a set would hash the id of each request for the few that have entries.
  const ended = new Array<string | undefined>(MAX_ENDED);
  let endedCount = 0;
  const release = (id: string) => {
    const waiting = held.get(id);
    if (!waiting) return;
    held.delete(id);
    clearTimeout(waiting.timer);
    for (const entry of waiting.entries) terminal.log(entry);
  };
  const hold = (id: string, entry: LogEntry) => {
    let waiting = held.get(id);
    if (!waiting) {
      const timer = setTimeout(() => release(id), MAX_HELD);
      held.set(id, waiting = { entries: [], timer });
    }
    waiting.entries.push(entry);
    if (waiting.entries.length >= MAX_ENTRIES) release(id);
  };
  const releaseAll = () => {
    for (const id of held.keys()) release(id);
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
      if (held.size) release(requestId);
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
