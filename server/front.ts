import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { TrustedProxies } from "../service/client/proxies.ts";
import type { ClientFacts } from "../service/http/exchange.ts";
import { stopReadsWhilePaused } from "../service/util/node_internals.ts";
import { type Beginning, FirstBytesError, readFirst } from "./first_bytes.ts";
import { speaksHttp2 } from "./http2/http2_connection.ts";
import type { HttpServer, Protocol } from "./http_server.ts";
import type { ListenOptions } from "./listen_options.ts";
import { findProxyHeader, MAX_PROXY_HEADER } from "./proxy_header.ts";
import { linger } from "./linger.ts";
import { plainResponse } from "./response_head.ts";
import { factsOf } from "./socket_facts.ts";
import { findClientHello, MAX_HELLO } from "./tls/client_hello.ts";
import { Handshakes } from "./tls/handshakes.ts";
import type { Identity } from "./tls/identity.ts";
import { tlsFactsOf } from "./tls/tls_facts.ts";

/** Milliseconds that a client may take for its ClientHello, and again for the rest of the handshake. */
const HANDSHAKE_MILLIS = 10_000;
/** Default of `headTimeout`, in milliseconds. */
const FIRST_MILLIS = 60_000;
/** First bytes of an HTTP/2 client (RFC 9113, section 3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** Time in which a reason of failed handshakes is reported once, in milliseconds. */
const QUIET_MILLIS = 60_000;

/** Passes sockets to a server, directly or through TLS. */
export class Front {
  readonly #server: HttpServer;
  readonly #options: ListenOptions;
  readonly #handshakes: Handshakes | undefined;
  /** Peers whose connections begin with a PROXY header. */
  readonly #proxies: TrustedProxies | undefined;
  /** Sockets that the server does not have yet. */
  readonly #opening = new Set<Socket>();
  /** Times at which reasons of failed handshakes were reported. */
  readonly #reported = new Map<string, number>();

  /** @throws {TypeError} If certificate and key cannot be used; the message is a clause that says why. */
  constructor(server: HttpServer, options: ListenOptions) {
    const { tls, proxyProtocol } = options;
    this.#server = server;
    this.#options = options;
    if (proxyProtocol?.length) this.#proxies = new TrustedProxies(proxyProtocol);
    if (tls) {
      this.#handshakes = new Handshakes(
        tls,
        speaksHttp2() ? ["h2", "http/1.1"] : ["http/1.1"], // the preferred one first
        (reason) => this.#reportHandshake(reason),
      );
    }
  }

  /**
   * Serves an accepted socket.
   *
   * @returns Whether it is, or may be, served. Otherwise there are too many connections.
   */
  take(socket: Socket): boolean {
    socket.setNoDelay(true);
    const client = factsOf(socket);
    const proxied = this.#proxies?.trusts(client.address) === true;
    if (!proxied && !this.#handshakes && !this.#options.h2c) {
      return this.#server.serve(socket, client);
    }
    if (!this.#server.hasRoomBeside(this.#opening.size)) {
      socket.on("error", () => {});
      socket.destroy();
      return false;
    }
    void this.#open(socket, client, proxied);
    return true;
  }

  /**
   * Exchanges the certificate of new connections.
   *
   * @throws {TypeError} If it cannot be used; nothing changes then.
   */
  setCertificate(identity: Identity): void {
    if (!this.#handshakes) throw new TypeError("there is no TLS here");
    this.#handshakes.use(identity);
  }

  /** Cuts sockets that the server does not have yet. */
  cut(): void {
    for (const socket of this.#opening) socket.destroy();
  }

  async #open(socket: Socket, peer: ClientFacts, proxied: boolean): Promise<void> {
    this.#opening.add(socket);
    socket.on("error", () => {}); // `close` follows
    try {
      const client = proxied ? await this.#readProxyHeader(socket, peer) : peer;
      if (this.#handshakes) await this.#secure(this.#handshakes, socket, client);
      else if (this.#options.h2c) await this.#choose(socket, client);
      else this.#serveHttp1(socket, client);
    } catch (error) {
      if (error instanceof PlainHttpError) await refuseHttp(socket);
      else socket.destroy();
      if (!(error instanceof FirstBytesError)) {
        this.#report(`A connection was closed: ${(error as Error).message}`);
      }
    } finally {
      this.#opening.delete(socket);
    }
  }

  /** Serves HTTP/2 to clients that begin with it, and HTTP/1 to others (RFC 9113, section 3.3). */
  async #choose(socket: Socket, client: ClientFacts): Promise<void> {
    const bounds = { bytes: PREFACE.length, millis: this.#options.headTimeout ?? FIRST_MILLIS };
    const protocol = await readFirst(socket, protocolOf, bounds);
    if (protocol === "http/1.1") this.#serveHttp1(socket, client);
    else this.#server.serve(socket, client, "http", protocol);
  }

  #serveHttp1(socket: Socket, client: ClientFacts): void {
    this.#server.serve(socket, client);
    socket.resume(); // a paused socket does not resume when a listener is added
  }

  /** Returns the facts of the client that a proxy tells ahead of all else. */
  async #readProxyHeader(socket: Socket, peer: ClientFacts): Promise<ClientFacts> {
    const bounds = { bytes: MAX_PROXY_HEADER, millis: HANDSHAKE_MILLIS };
    try {
      return { ...peer, ...await readFirst(socket, findProxyHeader, bounds) };
    } catch (error) {
      if (error instanceof FirstBytesError && error.begun) {
        this.#report(`A connection of the proxy ${peer.address} was closed: ${error.message}`);
      }
      throw error;
    }
  }

  async #secure(handshakes: Handshakes, socket: Socket, client: ClientFacts): Promise<void> {
    const bounds = { bytes: MAX_HELLO, millis: HANDSHAKE_MILLIS };
    const hello = await readFirst(socket, (bytes) => {
      if (isHttp(bytes)) throw new PlainHttpError("a client has sent plain HTTP");
      return findClientHello(bytes);
    }, bounds).catch((error) => {
      if (error instanceof FirstBytesError && error.begun) this.#reportHandshake(error.message);
      throw error;
    });
    const timer = setTimeout(() => {
      this.#reportHandshake("the client does not go on with it");
      socket.destroy();
    }, HANDSHAKE_MILLIS);
    const secured = await handshakes.begin(socket).finally(() => clearTimeout(timer));
    if (!secured) return;
    const tls = tlsFactsOf(secured, hello, this.#options.tls!.clientCa !== undefined);
    const protocol = secured.alpnProtocol === "h2" ? "h2" : "http/1.1";
    stopReadsWhilePaused(secured);
    this.#server.serve(secured, { ...client, tls }, "https", protocol);
  }

  #reportHandshake(reason: string): void {
    this.#report(`A TLS handshake failed: ${reason}`);
  }

  /** Reports a message, unless it was reported a moment ago. */
  #report(message: string): void {
    const now = performance.now();
    if (now < (this.#reported.get(message) ?? -Infinity) + QUIET_MILLIS) return;
    if (this.#reported.size >= 100) this.#reported.clear(); // messages may have text of a client
    this.#reported.set(message, now);
    this.#options.trouble?.(message);
  }
}

/** Returns the version of HTTP of a client by its first bytes; undefined while both are possible. */
function protocolOf(bytes: Buffer): Beginning<Protocol> | undefined {
  const length = Math.min(bytes.length, PREFACE.length);
  if (bytes.compare(PREFACE, 0, length, 0, length) !== 0) return { value: "http/1.1", taken: 0 };
  return length === PREFACE.length ? { value: "h2", taken: 0 } : undefined;
}

/** Whether the bytes are the beginning of a request in HTTP/1 or HTTP/2. */
function isHttp(bytes: Buffer): boolean {
  return /^[A-Z]{3,16} /.test(bytes.toString("latin1", 0, 17));
}

/** Error for a client that speaks HTTP where TLS is spoken. */
class PlainHttpError extends FirstBytesError {
  override name = "PlainHttpError";
}

/** Tells a client so; resolves when its connection has closed. */
function refuseHttp(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.write(plainResponse(400, "This port speaks HTTPS: ask for https:// and not http://"));
  linger(socket);
  return closed;
}
