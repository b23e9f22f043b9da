import type { Socket } from "node:net";
import { AcceptMonitor } from "./accept_monitor.ts";
import { HttpServer } from "./http_server.ts";
import type { Listener, ListenOptions } from "./listen_options.ts";
import { openAcceptors } from "./open_acceptors.ts";
import { factsOf, hostInUrl } from "./socket_facts.ts";

/**
 * Serves HTTP/1.1 and HTTP/1.0 over TCP.
 *
 * @param options Address, time limits and callbacks.
 * @returns Resolves when the port is open.
 * @throws {Error} Node's error if it cannot listen; its `code` is `EADDRINUSE` for a port that is in use.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { hostname, trouble } = options;
  const server = new HttpServer(options);
  const accept = (socket: Socket) => {
    socket.setNoDelay(true);
    if (!server.serve(socket, factsOf(socket))) monitor.hurry();
  };
  const acceptors = await openAcceptors(hostname, options.port, accept, options);
  const monitor = new AcceptMonitor(acceptors, (message) => trouble?.(message));
  const stop = () => {
    monitor.close();
    for (const acceptor of acceptors) acceptor.close();
  };
  const { port } = acceptors[0]!;
  return {
    url: `http://${hostInUrl(hostname)}:${port}`,
    port,
    addresses: acceptors.map(({ address }) => address),
    connections: () => server.connections,
    accepts: () => monitor.check(),
    drain: (ms) => server.drain(ms, stop),
    close() {
      stop();
      server.cut();
    },
  };
}
