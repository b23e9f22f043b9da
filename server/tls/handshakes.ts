import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import { checkIdentity, type Identity } from "./identity.ts";
import type { TlsOptions } from "./tls_options.ts";
import { builtin } from "../../service/util/builtins.ts";

/** Does the TLS handshakes of accepted sockets, with a certificate that can be replaced meanwhile. */
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
   * Replaces certificate and key, for connections that are accepted from now on.
   *
   * @throws {TypeError} As the constructor; the certificate stays the same then.
   */
  use(identity: Identity): void {
    this.#server = this.#serverFor(identity);
  }

  /**
   * Does the handshake over a socket of which nothing has been read.
   *
   * @returns Resolves to the TLS socket; to undefined if the connection closes before.
   */
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

/** Returns a key for the connection, by which the accepted socket of a TLS socket is found. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** Returns why a handshake has failed, as a clause; undefined if the client has closed the connection. */
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
