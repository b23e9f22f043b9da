import type { Bind } from "../flags/flag_values.ts";
import { Admin, type RenderMetrics } from "../telemetry/admin.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { openListener } from "./open_listener.ts";

/**
 * Opens the listener of `--admin`, which closes when the result is disposed.
 *
 * @throws {CommandError} If it cannot.
 */
export async function openAdmin(
  bind: Bind,
  terminal: Terminal,
  metrics: RenderMetrics,
): Promise<Admin & Disposable> {
  const admin = new Admin(metrics);
  const listener = await openListener(bind, "admin", {
    answer: (exchange) => admin.answer(exchange),
    trouble: (message) => terminal.note("error", message),
  });
  terminal.note("info", `Health and metrics are on ${listener.url}`);
  return Object.assign(admin, { [Symbol.dispose]: () => listener.close() });
}
