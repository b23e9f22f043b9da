import type { Bind } from "../flags/flag_values.ts";
import { redirectTo } from "../http_redirect.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { openListener } from "./open_listener.ts";

/**
 * Opens the listener of `--http-redirect`.
 *
 * @param port Port of HTTPS.
 * @returns Disposable that closes it.
 * @throws {CommandError} If it cannot listen.
 */
export async function openRedirect(
  bind: Bind,
  port: number,
  terminal: Terminal,
): Promise<Disposable> {
  const answer = redirectTo(port);
  const listener = await openListener(bind, "http-redirect", { answer });
  terminal.note("info", `${listener.url} redirects to HTTPS`);
  return { [Symbol.dispose]: () => listener.close() };
}
