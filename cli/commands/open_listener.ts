import { listen } from "../../server/listener.ts";
import { hostInUrl } from "../../server/socket_facts.ts";
import type { Listener, ListenOptions } from "../../server/listen_options.ts";
import { CommandError, reasonOf } from "../errors.ts";
import type { Bind } from "../flags/flag_values.ts";

/** Everything that a listener needs but its address. */
export type ServerOptions = Omit<ListenOptions, keyof Bind>;

/**
 * Listens on an address of the command line.
 *
 * @param flag Flag of the address, for the message.
 * @throws {CommandError} If it cannot listen.
 */
export async function openListener(
  bind: Bind,
  flag: string,
  options: ServerOptions,
): Promise<Listener> {
  try {
    return await listen({ ...bind, ...options, permit });
  } catch (error) {
    const host = bind.hostname.includes(":") ? `[${bind.hostname}]` : bind.hostname;
    const taken = (error as { code?: string }).code === "EADDRINUSE";
    throw new CommandError(
      `Cannot listen on ${host}:${bind.port}: ${reasonOf(error)}` +
        (taken ? ` (try --${flag} localhost:0)` : ""),
    );
  }
}

/** Asks for the permission to listen; rejects if it is denied, or cannot be asked for. */
async function permit(address: string, port: number): Promise<void> {
  const host = `${hostInUrl(address)}:${port}`;
  const { state } = await Deno.permissions.request({ name: "net", host });
  if (state !== "granted") {
    throw new Error(`Deno does not permit it (start with --allow-net=${host}; see --deny-net)`);
  }
}
