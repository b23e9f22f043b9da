import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { ClientFacts, Exchange } from "../service/exchange.ts";
import { HeaderList } from "../service/headers.ts";
import { asksForUpgrade } from "../service/upgrade.ts";
import type { Usage } from "../service/usage.ts";
import { type Connection, Connections } from "./connections.ts";
import { flawOf } from "./host.ts";
import type { Listener, ListenOptions } from "./listening.ts";
import { Outbox } from "./outbox.ts";
import { PlainExchange } from "./plain_exchange.ts";
import { PlainLane } from "./plain_lane.ts";
import { listenPlainly } from "./web_listener.ts";
import type { PlainRequest } from "./wire_plain.ts";
import { WireExchange } from "./wire_exchange.ts";
import { UpgradeSocket } from "./wire_upgrade.ts";

/** Whether this Deno's `node:http` is one that does what is said here; before 2.9 it was another. */
const KEEPS_THE_WIRE = "writeInformation" in ServerResponse.prototype;

const SETTINGS = {
  keepAliveTimeout: 75_000,
  requestTimeout: 0, // an upload may take as long as it likes
  noDelay: true,
  optimizeEmptyRequests: true,
  /** Node takes its hands off the connections of such requests; others that offer another protocol go on in HTTP. */
  shouldUpgradeCallback: ({ method, rawHeaders }: IncomingMessage) =>
    asksForUpgrade(method ?? "", new HeaderList(rawHeaders)),
};
const HEAD_TIMEOUT = 60_000;
const HEAD_BYTES = 128 * 1024;
/** How often to look for a port that is free on both of localhost's addresses. */
const PORT_ATTEMPTS = 10;

/**
 * Serves HTTP/1 over `node:http`, which keeps the names, order and repeats of header fields as the wire has them.
 * Rejects with node's error; its `code` is `EADDRINUSE` for a taken port.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  if (!KEEPS_THE_WIRE) return listenPlainly(options);
  const running = new Running();
  const connections = new Connections({
    first: options.headTimeout ?? HEAD_TIMEOUT,
    idle: SETTINGS.keepAliveTimeout,
    giveUp: (socket) => void socket.end(bare(408, "Request Timeout"), () => socket.destroy()),
  });
  const make = () => makeServer(options, connections, running);
  const servers = await open(make, options.hostname, options.port);
  const addresses = servers.map((server) => (server.address() as AddressInfo).address);
  const { port } = servers[0]!.address() as AddressInfo;
  const stop = () =>
    servers.map((server) => new Promise<void>((done) => server.close(() => done())));
  return {
    url: `http://${shown(options.hostname)}:${port}`,
    port,
    addresses,
    connections: () => connections.count,
    async drain(ms) {
      const closed = stop();
      connections.retire();
      const ended = Promise.all([...closed, running.none()]);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
      await Promise.race([ended, late]);
      clearTimeout(timer);
      connections.cut();
    },
    close() {
      stop();
      connections.cut();
    },
  };
}

/** Counts the exchanges whose guests still run. */
class Running {
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

function makeServer(options: ListenOptions, connections: Connections, running: Running): Server {
  const { answer, access, trouble } = options;
  const start = (exchange: WireExchange | PlainExchange) => {
    running.start();
    const settled = () => {
      if (!exchange.answered) exchange.respond(...plain(500, "The host gave no response"));
      exchange.settled();
      running.end();
    };
    answer(exchange).then(settled, (error) => {
      trouble?.(`A request failed inside the host: ${describe(error)}`);
      settled();
    });
  };
  const serve = (
    request: IncomingMessage,
    response: ServerResponse,
    holdsBack: boolean,
    upgrade?: UpgradeSocket,
  ) => {
    const connection = connections.of(request.socket);
    if (!connection) return void response.destroy();
    const flaw = flawOf(request);
    if (flaw) return refuse(response, 400, flaw);
    start(begin(request, response, connection, holdsBack, access, upgrade));
  };
  const { headTimeout = HEAD_TIMEOUT, headBytes = HEAD_BYTES } = options;
  const outbox = new Outbox();
  const server = createServer(
    {
      ...SETTINGS,
      maxHeaderSize: headBytes,
      headersTimeout: headTimeout,
      connectionsCheckingInterval: headTimeout / 2,
    },
    (request, response) => serve(request, response, false),
  );
  server.maxHeadersCount = 0;
  server.on("checkContinue", (request, response) => serve(request, response, true));
  const [nodesOwn] = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const connection = connections.add(socket);
    socket.on("end", () => outbox.flush()); // before the lane hears of it, and ends the other side too
    new PlainLane(socket, {
      serve(request, onClosed) {
        connection.round = connections.round;
        connection.silent = false;
        start(beginPlain(request, socket, connection, outbox, access, onClosed));
      },
      leave(first) {
        connection.plain = false;
        nodesOwn!.call(server, socket);
        socket.emit("data", first);
      },
    });
  });
  server.on("upgrade", (request, socket: Socket, rest: Uint8Array) => {
    const upgrade = new UpgradeSocket(request, socket, rest);
    serve(request, upgrade.response, false, upgrade);
  });
  server.on("connect", (_request, socket: Socket) => {
    socket.on("error", () => {});
    socket.end(bare(501, "Not Implemented"));
  });
  server.on("clientError", (error, socket) => {
    if ((error as { code?: string }).code === "HPE_HEADER_OVERFLOW") {
      trouble?.(
        `A request was refused: its head has more than ${headBytes} bytes, for its line and fields`,
      );
    }
    onClientError(error, socket);
  });
  return server;
}

function begin(
  request: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
  holdsBack: boolean,
  access: ListenOptions["access"],
  upgrade: UpgradeSocket | undefined,
): WireExchange {
  const log = logger(request.method!, request.url!, connection.client, access);
  const { client, running } = connection;
  const onClosed = (whole: boolean) => {
    running.delete(exchange);
    log?.(exchange.writer, exchange.usage, whole);
  };
  const exchange = new WireExchange(request, response, client, holdsBack, onClosed, upgrade);
  running.add(exchange);
  return exchange;
}

/** As {@linkcode begin}, for a request that node has not seen. */
function beginPlain(
  request: PlainRequest,
  socket: Socket,
  { client, running }: Connection,
  outbox: Outbox,
  access: ListenOptions["access"],
  onClosed: (exchange: PlainExchange) => void,
): PlainExchange {
  const log = logger(request.method, request.target, client, access);
  const closed = (exchange: PlainExchange, whole: boolean) => {
    running.delete(exchange);
    log?.(exchange, exchange.usage, whole);
    onClosed(exchange);
  };
  const { keepAliveTimeout } = SETTINGS;
  const exchange = new PlainExchange(request, socket, outbox, client, keepAliveTimeout, closed);
  running.add(exchange);
  return exchange;
}

/** What tells the access log of a request, which begins now. */
function logger(
  method: string,
  target: string,
  { address: client }: ClientFacts,
  access: ListenOptions["access"],
) {
  if (!access) return undefined;
  const start = performance.now();
  return (
    { status, bytes }: { readonly status: number; readonly bytes: number },
    usage: Usage,
    whole: boolean,
  ) => {
    const millis = performance.now() - start;
    access({ method, target, client, status, millis, bytes, whole, usage });
  };
}

function shown(hostname: string): string {
  if (hostname === "") return "localhost";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** Opens the servers: two for `localhost`, if this machine has both addresses. */
async function open(make: () => Server, hostname: string, port: number): Promise<Server[]> {
  if (hostname === "") return [await bindEither(make, "::", "0.0.0.0", port)];
  if (hostname !== "localhost") return [await bind(make(), hostname, port)];
  for (let attempt = 1;; attempt++) {
    const first = await bindEither(make, "127.0.0.1", "::1", port);
    const { address, port: real } = first.address() as AddressInfo;
    if (address !== "127.0.0.1") return [first];
    try {
      return [first, await bind(make(), "::1", real)];
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE") return [first];
      first.close();
      if (port !== 0 || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

const NO_SUCH_ADDRESS: ReadonlySet<string | undefined> = new Set([
  "EADDRNOTAVAIL",
  "EAFNOSUPPORT",
  "EINVAL", // what Deno makes of the first
]);

/** Binds the second address where this machine does not have the first. */
async function bindEither(
  make: () => Server,
  one: string,
  other: string,
  port: number,
): Promise<Server> {
  try {
    return await bind(make(), one, port);
  } catch (error) {
    const code = codeOf(error);
    if (!NO_SUCH_ADDRESS.has(code)) throw error;
    return await bind(make(), other, port);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

function bind(server: Server, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      server.on("error", () => {}); // a failed accept is the client's loss only
      resolve(server);
    });
  });
}

function onClientError(error: Error & { code?: string }, socket: unknown): void {
  const { writable, _httpMessage: current } = socket as Socket & {
    _httpMessage?: { headersSent: boolean } | null;
  };
  // Text in the midst of a response would be read as part of it.
  if (error.code !== "ECONNRESET" && writable && !current?.headersSent) {
    const reply = error.code === "HPE_HEADER_OVERFLOW"
      ? bare(431, "Request Header Fields Too Large")
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? bare(408, "Request Timeout")
      : bare(400, "Bad Request");
    (socket as Socket).end(reply, () => (socket as Socket).destroy());
  } else (socket as Socket).destroy();
}

function bare(status: number, reason: string): string {
  return `HTTP/1.1 ${status} ${reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
}

function refuse(response: ServerResponse, status: number, why: string): void {
  const [head, body] = plain(status, why);
  response.shouldKeepAlive = false;
  response.writeHead(status, head.headers.raw as string[]);
  response.end(body);
}

function plain(status: number, why: string): Parameters<Exchange["respond"]> {
  const body = new TextEncoder().encode(why + "\n");
  const headers = ["Content-Type", "text/plain; charset=utf-8", "Content-Length", `${body.length}`];
  return [{ status, headers: new HeaderList(headers) }, body];
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
