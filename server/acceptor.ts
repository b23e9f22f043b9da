import { type AddressInfo, connect, createServer, isIP, type Server, type Socket } from "node:net";
import { builtin } from "../service/util/builtins.ts";
import { acceptAgain } from "../service/util/node_internals.ts";

/** Time limit of a probe: milliseconds until its connection must be accepted. */
const PROBE_MILLIS = 300;
/** Milliseconds granted after that, so that a connection that arrived while a guest ran is accepted first. */
const STALL_MILLIS = 100;

/** How listening sockets are opened. */
export interface Opening {
  /**
   * Called before an address is listened on; rejects where the runtime does not permit listening: `node:net` throws then
   * outside of any call, where it cannot be caught.
   */
  readonly permit?: ((address: string, port: number) => Promise<void>) | undefined;
  /**
   * Returns a bound socket from which other processes accept, too, in a form for `Server.listen` of `node:net`; rejects with
   * Node's error. By default the process binds a socket of its own.
   *
   * @param address IPv4 or IPv6 address.
   * @param port 0 for any free port.
   */
  readonly share?: ((address: string, port: number) => Promise<object>) | undefined;
}

/**
 * Result of a probe: `unknown` if the probing connection itself lacked a file descriptor, `passed` if it reached a shared
 * socket, from which another process may have accepted it.
 */
type Probe = "accepts" | "fails" | "unknown" | "passed";

/**
 * A listening TCP socket. After a failed `accept` (EMFILE: too many open files) `node:net` never accepts again and emits
 * no event, so that {@linkcode Acceptor.probe} detects it, and {@linkcode Acceptor.resume} has it accept again.
 */
export class Acceptor {
  readonly address: string;
  readonly port: number;
  readonly #accept: (socket: Socket) => void;
  readonly #isShared: boolean;
  readonly #server: Server;
  #accepted = 0;
  #probing: {
    readonly socket: Socket;
    /** Known once it is connected. */
    readonly localPort: Promise<number | undefined>;
    accepted(): void;
  } | undefined;

  private constructor(server: Server, accept: (socket: Socket) => void, isShared: boolean) {
    const { address, port } = server.address() as AddressInfo;
    this.address = address;
    this.port = port;
    this.#accept = accept;
    this.#isShared = isShared;
    this.#server = server;
    this.#listen();
  }

  /**
   * Listens on an address.
   *
   * @param accept Called with each connection.
   * @throws {Error} Node's; its `code` is `EADDRINUSE` for a taken port.
   */
  static async open(
    host: string,
    port: number,
    accept: (socket: Socket) => void,
    opening: Opening = {},
  ): Promise<Acceptor> {
    return new Acceptor(await bind(host, port, opening), accept, !!opening.share);
  }

  /** Number of connections that were accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Opens a connection to itself; resolves to whether this or any other connection is accepted. */
  async probe(): Promise<Probe> {
    const before = this.#accepted;
    const { promise, resolve } = Promise.withResolvers<Probe>();
    const socket = connect({ host: ANY[this.address] ?? this.address, port: this.port });
    const localPort = new Promise<number | undefined>((known) => {
      socket.on("connect", () => {
        known(socket.localPort);
        if (this.#isShared) resolve("passed");
      });
      socket.on("close", () => known(undefined));
    });
    socket.on("error", ({ name, code }: Error & { code?: string }) => {
      if (name === "NotCapable") return resolve("accepts"); // without permission to connect, the port counts as good
      resolve(code === "EMFILE" || code === "ENFILE" ? "unknown" : "fails");
    });
    let timer = setTimeout(() => {
      timer = setTimeout(() => resolve("fails"), STALL_MILLIS);
    }, PROBE_MILLIS);
    this.#probing = { socket, localPort, accepted: () => resolve("accepts") };
    const result = await promise;
    this.#probing = undefined;
    clearTimeout(timer);
    socket.destroy();
    return this.#accepted > before ? "accepts" : result;
  }

  /** Accepts again if `accept` has failed; connections that wait to be accepted are. */
  resume(): void {
    acceptAgain(this.#server);
  }

  /** Accepts no more connections. */
  close(): void {
    this.#server.close();
    this.#probing?.accepted();
  }

  #listen(): void {
    this.#server.on("connection", (socket) => {
      this.#accepted++;
      const probing = this.#probing;
      if (!probing) return this.#accept(socket);
      probing.localPort.then((port) => {
        if (port !== socket.remotePort) return this.#accept(socket);
        socket.destroy();
        probing.accepted();
      });
    });
  }
}

/** Address that reaches a socket which listens on every address. */
const ANY: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

async function bind(name: string, port: number, { permit, share }: Opening): Promise<Server> {
  const host = isIP(name) ? name : (await builtin("node:dns").promises.lookup(name)).address;
  await permit?.(host, port);
  const address = share ? await share(host, port) : { host, port };
  // A client that ends its sending side still gets the response that is being written.
  const server = createServer({ allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      server.on("error", () => {}); // a failed accept shows in the probe
      resolve(server);
    });
  });
}
