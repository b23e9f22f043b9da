import { readFileSync } from "node:fs";

/** The limit where the system does not tell how many files may be open. */
const DEFAULT_CONNECTIONS = 10_000;
/** Open files that a process needs besides its connections: listeners, logs, stores, the runtime's own. */
const OTHER_FILES = 32;

/**
 * How many connections a server may have open, so that files are left for backends: three quarters of the soft limit on
 * open files (`ulimit -n`) where /proc/self/limits tells it, less a few; else 10,000.
 */
export function defaultConnections(): number {
  let limits: string;
  try {
    limits = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return DEFAULT_CONNECTIONS;
  }
  const soft = Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
  if (!soft) return DEFAULT_CONNECTIONS;
  return Math.max(1, Math.floor(soft * 0.75) - OTHER_FILES);
}
