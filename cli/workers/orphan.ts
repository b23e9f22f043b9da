import { unrefWorker } from "../../service/util/node_internals.ts";
import type { Channel } from "./channel.ts";

/** Interval of the checks that the supervisor lives, in milliseconds. */
const LOOK_MILLIS = 1_000;

/**
 * Ends this process when its supervisor has ended, also when that was killed.
 *
 * @param clean Called before the process ends.
 */
export function endWithSupervisor(channel: Channel, clean: () => void): void {
  const supervisor = Deno.ppid;
  const end = (): never => {
    clean();
    Deno.exit(1);
  };
  channel.closed.then(end);
  // The channel may close without an event if the supervisor had left messages unread.
  const timer = setInterval(() => Deno.ppid !== supervisor && end(), LOOK_MILLIS);
  Deno.unrefTimer(timer);
}

/**
 * Does the same from a thread, for a process whose guests may block the event loop for ever. The thread kills its own
 * process by a signal, which needs the permission to run programs; without it the thread does nothing.
 */
export function endWithSupervisorByThread(): void {
  const source = `
    const supervisor = ${Deno.ppid};
    setInterval(() => {
      if (Deno.ppid === supervisor) return;
      try {
        Deno.kill(Deno.pid, "SIGKILL");
      } catch {
        close();
      }
    }, ${LOOK_MILLIS});`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, {
    type: "module",
    name: "supervisor",
  });
  worker.onerror = (event) => event.preventDefault();
  unrefWorker(worker);
}
