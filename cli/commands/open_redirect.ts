import type { ServeCommand } from "../flags/args.ts";
import { redirectTo } from "../http_redirect.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import { openListener } from "./open_listener.ts";

/**
 * Opens the listener of `--http-redirect`.
 *
 * @param port Port of HTTPS.
 * @returns Disposable that closes it; undefined without the flag.
 * @throws {CommandError} If it cannot listen.
 */
export async function openRedirect(
  { https }: ServeCommand,
  port: number,
  terminal: Terminal,
): Promise<Disposable | undefined> {
  if (!https?.redirect) return undefined;
  const answer = redirectTo(port);
  const listener = await openListener(https.redirect, "http-redirect", { answer });
  terminal.note("info", `${listener.url} redirects to HTTPS`);
  return { [Symbol.dispose]: () => listener.close() };
}
