import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import { checkIdentity, type Identity } from "./identity.ts";
import type { TlsOptions } from "./tls_options.ts";
import { builtin } from "../../service/util/builtins.ts";

/** Makes TLS of accepted sockets, with a certificate that can be exchanged. */
export class Handshakes {
  readonly #options: Omit<TlsOptions, keyof Identity>;
  readonly #protocols: readonly string[];
  readonly #failed: (reason: string) => void;
  readonly #begun = new Map<string, (socket: TLSSocket) => void>();
  #server: Server;

  /**
   * @param protocols Protocols of ALPN (RFC 7301), the preferred one first.
   * @param failed Called with the reason of a handshake that fails, as a clause.
   * @throws {TypeError} If certificate and key cannot be used; the message is a clause that says why.
   */
  constructor(options: TlsOptions, protocols: readonly string[], failed: (reason: string) => void) {
    this.#options = options;
    this.#protocols = protocols;
    this.#failed = failed;
    this.#server = this.#serverFor(options);
  }

  /**
   * Exchanges certificate and key for new connections.
   *
   * @throws {TypeError} As the constructor does; nothing changes then.
   */
  use(identity: Identity): void {
    this.#server = this.#serverFor(identity);
  }

  /** Makes TLS of a socket whose first bytes are still in it. Resolves to undefined if the socket closes before. */
  begin(socket: Socket): Promise<TLSSocket | undefined> {
    if (socket.destroyed) return Promise.resolve(undefined); // no `close` follows
    const { promise, resolve } = Promise.withResolvers<TLSSocket | undefined>();
    const key = keyOf(socket);
    this.#begun.set(key, resolve);
    const onClose = () => resolve(undefined);
    socket.on("close", onClose);
    this.#server.emit("connection", socket);
    return promise.finally(() => {
      socket.off("close", onClose);
      this.#begun.delete(key);
    });
  }

  #serverFor({ cert, key }: Identity): Server {
    checkIdentity({ cert, key });
    const { clientCa, clientAuth = "require" } = this.#options;
    const server = builtin("node:tls").createServer({
      cert,
      key,
      ALPNProtocols: [...this.#protocols],
      minVersion: "TLSv1.2",
      ...clientCa !== undefined && {
        ca: clientCa,
        requestCert: true,
        rejectUnauthorized: clientAuth === "require",
      },
    });
    server.on("secureConnection", (socket) => {
      const done = this.#begun.get(keyOf(socket));
      if (done) done(socket);
      else socket.destroy();
    });
    server.on("tlsClientError", (error, socket) => {
      const reason = reasonOf(error, socket);
      if (reason) this.#failed(reason);
    });
    return server;
  }
}

/** Identity of a connection in the process, since the TLS socket is another object than the accepted one. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** Returns why a handshake has failed; undefined if the client has only left. */
function reasonOf(error: Error & { code?: string }, socket: TLSSocket): string | undefined {
  const { code, message } = error;
  if (code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") {
    return "the client has sent no certificate";
  }
  const refused = (socket as { authorizationError?: unknown }).authorizationError;
  if (refused) return `the client's certificate is not accepted (${refused})`;
  if (code === "ECONNRESET") return undefined;
  const [, alert] = /alert: (\w+)/.exec(message) ?? [];
  if (alert === "CertificateExpired") return "the client says that the certificate has expired";
  if (alert && /^(UnknownCA|CertificateUnknown|BadCertificate|DecryptError)$/.test(alert)) {
    return "the client does not accept the certificate: its authority is not trusted, or it is for other names";
  }
  return message.replace(/\s*\(SSL routines.*$/s, "");
}
