import { Buffer } from "node:buffer";
import { connect as connectTls } from "node:tls";
import { StallClock } from "../../service/util/stall_clock.ts";
import { loadPackage } from "../package.ts";
import type { StoreAddress } from "./address.ts";
import { CLIENT, type Client } from "./client.ts";

/** Reply of Redis. Texts are bytes. */
export type Reply = Buffer | string | number | null | readonly Reply[];
/** Part of a command. */
export type Argument = string | Buffer;

/** Connection to a store, or connections to the nodes of a Cluster. It is replaced when it fails. */
export interface Link {
  /**
   * Sends a command.
   *
   * @param key Key of the command, whose slot gives the node of a Cluster.
   */
  send(key: Argument, args: readonly Argument[]): Promise<Reply>;
  /** Closes the connection at once. Calls that wait for a reply reject. */
  destroy(): void;
}

/** Settings of {@linkcode connect}. */
export interface LinkOptions {
  readonly address: StoreAddress;
  readonly password: string | undefined;
  /** Certificates in PEM to trust, for TLS. */
  readonly ca: string | undefined;
  /** Certificate of this client and its key in PEM, for servers that ask for one. */
  readonly identity: { readonly cert: string; readonly key: string } | undefined;
  /** Login of the Sentinels. */
  readonly sentinel: {
    readonly username?: string | undefined;
    readonly password?: string | undefined;
  };
  /** Time limit for opening each connection, in milliseconds. */
  readonly timeout: number;
  /** Called once when the connection is lost. */
  readonly lost: (error: Error) => void;
  /** Called with a line for the user while the package is downloaded. By default the line is dropped. */
  readonly tell?: ((line: string) => void) | undefined;
}

type Endpoint = StoreAddress["hosts"][number];

/**
 * Connects to a server, to the one that Sentinels name, or to a Cluster. A link does not reconnect, except to single nodes of
 * a Cluster: its user opens a new one, which also finds a new master.
 *
 * @throws {Error} If no server can be reached in time, or the store refuses the login.
 */
export async function connect(options: LinkOptions): Promise<Link> {
  const client = await loadPackage<Client>(CLIENT, { use: "the store", tell: options.tell });
  const { kind, hosts, path } = options.address;
  if (kind === "cluster") return await connectCluster(client, options);
  if (kind === "server") return await connectServer(client, options, path ?? hosts[0]!);
  const master = await findMaster(client, options);
  const link = await connectServer(client, options, master);
  // During a failover a Sentinel may name a server that is not the master any more, or not yet.
  const role = await link.send("", ["ROLE"]).catch((error) => {
    // A user without permission for ROLE relies on the Sentinels.
    if (/^NOPERM\b/.test(error.message)) return ["master"];
    link.destroy();
    throw error;
  });
  if (Array.isArray(role) && String(role[0]) === "master") return link;
  link.destroy();
  throw new Error(`${master.host}:${master.port}, which the Sentinels name, is no master`);
}

async function connectServer(
  client: Client,
  options: LinkOptions,
  to: Endpoint | string,
): Promise<Link> {
  if (typeof to !== "string") await tryTls(options, to);
  const connection = client.createClient(settings(client, options, to));
  connection.on("error", (error: Error) => options.lost(error));
  try {
    await within(options.timeout, connection.connect());
  } catch (error) {
    destroy(connection);
    throw error;
  }
  return {
    send: (_key, args) => connection.sendCommand(args as Argument[]) as Promise<Reply>,
    destroy: () => destroy(connection),
  };
}

async function connectCluster(client: Client, options: LinkOptions): Promise<Link> {
  const { hosts } = options.address;
  await Promise.any(hosts.map((host) => tryTls(options, host)));
  const { socket, ...defaults } = settings(client, options, hosts[0]!);
  const { host: _host, port: _port, reconnectStrategy: _none, ...shared } = socket;
  const cluster = client.createCluster(
    {
      rootNodes: hosts.map(({ host, port }) => ({ socket: { ...shared, host, port } })),
      defaults: { ...defaults, socket: shared },
      RESP: 2,
    },
  );
  cluster.on("error", () => {}); // calls reject with these errors
  try {
    await within(options.timeout, cluster.connect());
  } catch (error) {
    destroy(cluster);
    throw error;
  }
  const replies = { typeMapping: { [client.RESP_TYPES.BLOB_STRING]: Buffer } };
  return {
    send: (key, args) =>
      cluster.sendCommand(key, false, args as Argument[], replies as object) as Promise<Reply>,
    destroy: () => destroy(cluster),
  };
}

/**
 * Checks that a server with TLS answers. In TLS 1.3 it refuses a client's certificate after the handshake; the package has
 * no listener for such an error then, which would end the process.
 */
async function tryTls(
  { address, ca, identity, timeout }: LinkOptions,
  { host, port }: Endpoint,
): Promise<void> {
  if (!address.tls) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connectTls({ host, port, ...ca !== undefined && { ca }, ...identity });
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the server has closed the connection")));
  socket.once("data", () => resolve()); // an error for want of a login is an answer, too
  socket.once("secureConnect", () => socket.write("PING\r\n"));
  try {
    await within(timeout, promise);
  } finally {
    socket.destroy();
  }
}

function settings(client: Client, options: LinkOptions, to: Endpoint | string) {
  const { address, password, ca, identity, timeout } = options;
  return {
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
    database: address.database,
    username: address.username,
    password,
    commandOptions: { typeMapping: { [client.RESP_TYPES.BLOB_STRING]: Buffer } },
    socket: {
      ...typeof to === "string" ? { path: to, host: undefined, port: undefined } : to,
      ...address.tls && { tls: true, ...ca !== undefined && { ca }, ...identity },
      connectTimeout: timeout,
      reconnectStrategy: false,
    },
  };
}

async function findMaster(client: Client, options: LinkOptions): Promise<Endpoint> {
  const { hosts, master } = options.address;
  const { username, password } = options.sentinel;
  // Login and database are those of the server, not of the Sentinels.
  const address = { ...options.address, database: 0, username };
  let last: unknown = new Error(`no Sentinel knows "${master}"`);
  for (const host of hosts) {
    try {
      const asked = { ...options, address, password, lost: () => {} };
      const sentinel = await connectServer(client, asked, host);
      try {
        const found = await within(
          options.timeout,
          sentinel.send("", ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master!]),
        );
        if (Array.isArray(found)) return { host: String(found[0]), port: Number(found[1]) };
      } finally {
        sentinel.destroy();
      }
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function destroy(client: { destroy(): void }): void {
  try {
    client.destroy();
  } catch {
    // Closed already.
  }
}

const clock = new StallClock();

/**
 * Bounds the wait for an answer. If the event loop was blocked meanwhile, an answer that has arrived by then is handled
 * before the timeout.
 *
 * @param timeout Time limit in milliseconds.
 * @returns The answer; rejects with a {@linkcode StoreTimeout} if it does not come in time.
 */
export function within<T>(timeout: number, answer: Promise<T>): Promise<T> {
  return clock.within(timeout, answer, () => new StoreTimeout(timeout));
}

/** Error of a call that the store has not answered in time. The store may have executed it, or may do so later. */
export class StoreTimeout extends Error {
  override readonly name = "StoreTimeout";

  constructor(timeout: number) {
    super(`it has not answered within ${Math.round(timeout)} ms`);
  }
}
