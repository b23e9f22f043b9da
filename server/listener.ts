import { setImmediate } from "node:timers";
import type { Socket } from "node:net";
import { reply } from "../service/http/reply.ts";
import { factsOf, hostInUrl } from "./socket_facts.ts";
import { openAcceptors } from "./open_acceptors.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { Connections } from "./connections.ts";
import type { ServerExchange } from "./exchange.ts";
import { linger } from "./linger.ts";
import type { AccessEntry, Listener, ListenOptions } from "./listen_options.ts";
import { WriteBatcher } from "./write_batcher.ts";
import { plainResponse } from "./response_head.ts";
import { AcceptMonitor } from "./accept_monitor.ts";

/** Milliseconds for a request's head. */
const HEAD_MILLIS = 60_000;
/** Milliseconds in which a client has to move a byte that it is waited for. */
const STALL_MILLIS = 300_000;
/** Seconds between two requests. */
const IDLE_SECONDS = 75;
const LINE_BYTES = 64 * 1024;
const HEAD_BYTES = 128 * 1024;
const CONNECTIONS = 10_000;
/** Connections beyond the limit that are told so; what comes beyond these is cut. */
const MAX_TOLD = 16;

/**
 * Serves HTTP/1 over TCP. Rejects with node's error; its `code` is `EADDRINUSE` for a taken port.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { hostname, connections: most = CONNECTIONS, trouble } = options;
  const running = new RunningExchanges();
  const connections = new Connections({
    head: options.headTimeout ?? HEAD_MILLIS,
    idle: IDLE_SECONDS * 1000,
    stall: options.stallTime ?? STALL_MILLIS,
  });
  const shared = connectionOptions(options, connections, running);
  let told = 0;
  const accept = (socket: Socket) => {
    if (connections.count < most) {
      socket.setNoDelay(true);
      return connections.add(new Connection(socket, factsOf(socket), shared));
    }
    watch.hurry();
    socket.on("error", () => {});
    if (told >= MAX_TOLD) return void socket.destroy();
    told++;
    socket.on("close", () => told--);
    socket.write(plainResponse(503, "There are too many connections"));
    linger(socket);
  };
  const acceptors = await openAcceptors(hostname, options.port, accept);
  const watch = new AcceptMonitor(acceptors, (message) => trouble?.(message));
  const stop = () => {
    watch.close();
    for (const acceptor of acceptors) acceptor.close();
  };
  const { port } = acceptors[0]!;
  return {
    url: `http://${hostInUrl(hostname)}:${port}`,
    port,
    addresses: acceptors.map(({ address }) => address),
    connections: () => connections.count,
    accepts: () => watch.look(),
    async drain(ms) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
      const turn = new Promise<void>((resolve) => setImmediate(resolve));
      const ended = async () => {
        await turn; // connections that wait to be accepted
        stop();
        await connections.retire();
        await Promise.all([connections.none(), running.none()]);
      };
      await Promise.race([ended(), late]);
      clearTimeout(timer);
      stop();
      connections.cut();
    },
    close() {
      stop();
      connections.cut();
    },
  };
}

/** Counts the exchanges whose guests still run. */
class RunningExchanges {
  #count = 0;
  #waiting: (() => void)[] = [];

  start(): void {
    this.#count++;
  }

  end(): void {
    if (--this.#count === 0) { for (const done of this.#waiting.splice(0)) done(); }
  }

  none(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((done) => this.#waiting.push(done));
  }
}

function connectionOptions(
  { answer, access, trouble, stalled, lineBytes = LINE_BYTES, headBytes = HEAD_BYTES }:
    ListenOptions,
  connections: Connections,
  running: RunningExchanges,
): ConnectionOptions {
  return {
    scheme: "http",
    bounds: { lineBytes, headBytes },
    batcher: new WriteBatcher(),
    keepAlive: IDLE_SECONDS,
    clock: connections,
    serve(exchange) {
      if (access) exchange.onClosed = recorder(exchange, access);
      running.start();
      const settled = () => {
        if (!exchange.answered) reply(exchange, 500, "The host gave no response");
        exchange.settled();
        running.end();
      };
      answer(exchange).then(settled, (error) => {
        trouble?.(`A request failed inside the host: ${describe(error)}`);
        settled();
      });
    },
    refused({ status }) {
      const flaw = status === 414
        ? `its line has more than ${lineBytes} bytes (see --limit url_bytes)`
        : status === 431
        ? `its head has more than ${headBytes} bytes (see --limit header_bytes)`
        : undefined;
      if (flaw) trouble?.(`A request was refused: ${flaw}`);
    },
    stalled(exchange, what) {
      if (stalled) stalled(exchange, what);
      else trouble?.(what);
    },
    closed: (connection) => connections.delete(connection),
  };
}

/** Returns a function that writes the request's access record when its response has ended; the time counts from now. */
function recorder(
  exchange: ServerExchange,
  access: (entry: AccessEntry) => void,
): (whole: boolean) => void {
  const start = performance.now();
  return (whole) => {
    const { head: { method }, target, client: { address: client }, status, bytes, metrics } =
      exchange;
    const millis = performance.now() - start;
    access({ method, target, client, status, millis, bytes, whole, metrics });
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
