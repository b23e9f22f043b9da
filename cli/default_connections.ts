import { DEFAULT_LIMITS } from "../service/limits.ts";

/** Number of open files that a process needs besides its connections: listeners, logs, stores, the runtime's own. */
const OTHER_FILES = 32;

/**
 * Returns the default of `limits.connections`, which leaves open files for backends: three quarters of the soft limit on
 * open files (`ulimit -n`) in /proc/self/limits, less a few; without that file the limit's own default.
 */
export function defaultConnections(): number {
  let limits: string;
  try {
    limits = Deno.readTextFileSync("/proc/self/limits");
  } catch {
    return DEFAULT_LIMITS.connections;
  }
  const soft = Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
  if (!soft) return DEFAULT_LIMITS.connections;
  return Math.max(1, Math.floor(soft * 0.75) - OTHER_FILES);
}
