import type { Socket } from "node:net";
import { loadBuiltins, loadSecureBuiltins } from "../service/util/builtins.ts";
import { AcceptMonitor } from "./accept_monitor.ts";
import { Front } from "./front.ts";
import { HttpServer } from "./http_server.ts";
import type { Listener, ListenOptions } from "./listen_options.ts";
import { openAcceptors } from "./open_acceptors.ts";
import { hostInUrl } from "./socket_facts.ts";

/**
 * Serves HTTP/1.1 and HTTP/1.0 over TCP, or over TLS.
 *
 * @param options Address, time limits and callbacks.
 * @returns Resolves when the port is open.
 * @throws {TypeError} If a certificate and key cannot be used; the message is a clause that says why.
 * @throws {Error} Node's error if it cannot listen; its `code` is `EADDRINUSE` for a port that is in use.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { hostname, trouble } = options;
  await Promise.all([loadBuiltins(), (options.tls || options.h2c) && loadSecureBuiltins()]);
  const server = new HttpServer(options);
  const front = new Front(server, options);
  const accept = (socket: Socket) => {
    if (!front.take(socket)) monitor.hurry();
  };
  const acceptors = await openAcceptors(hostname, options.port, accept, options);
  const monitor = new AcceptMonitor(acceptors, (message) => trouble?.(message));
  const stop = () => {
    monitor.close();
    for (const acceptor of acceptors) acceptor.close();
  };
  const { port } = acceptors[0]!;
  return {
    url: `${options.tls ? "https" : "http"}://${hostInUrl(hostname)}:${port}`,
    port,
    addresses: acceptors.map(({ address }) => address),
    kept: server.kept,
    connections: () => server.connections,
    accepts: () => monitor.check(),
    setCertificate: (identity) => front.setCertificate(identity),
    async drain(ms) {
      await server.drain(ms, stop);
      front.cut();
    },
    close() {
      stop();
      front.cut();
      server.cut();
    },
  };
}
