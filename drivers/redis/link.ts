import { Buffer } from "node:buffer";
import { loadPackage } from "../package.ts";
import type { StoreAddress } from "./address.ts";
import { CLIENT, type Client } from "./client.ts";

/** What Redis answers: texts come as bytes. */
export type Reply = Buffer | string | number | null | readonly Reply[];
/** A part of a command. */
export type Argument = string | Buffer;

/** A connection to a store, or to the nodes of a Cluster. It is used until it fails, and then replaced. */
export interface Link {
  /**
   * Sends a command.
   *
   * @param key A key of the command, by which a Cluster finds the node.
   */
  send(key: Argument, args: readonly Argument[]): Promise<Reply>;
  /** Closes it at once. What is under way is rejected. */
  destroy(): void;
}

/** Settings of {@linkcode connect}. */
export interface LinkOptions {
  readonly address: StoreAddress;
  readonly password: string | undefined;
  /** Certificates in PEM to trust, for TLS. */
  readonly ca: string | undefined;
  /** Milliseconds in which each connection has to be open. */
  readonly timeout: number;
  /** Is called once when the connection is lost. */
  readonly lost: (error: Error) => void;
  /** Takes a line while the client is downloaded. By default nobody is told. */
  readonly tell?: ((line: string) => void) | undefined;
}

type Endpoint = StoreAddress["hosts"][number];

/**
 * Connects to the server, to the one that the Sentinels name, or to a Cluster. A link never reconnects by itself, except
 * to single nodes of a Cluster: whoever has lost it makes a new one, which also finds a new master.
 *
 * @throws {Error} If nothing can be reached in time, or the store refuses the login.
 */
export async function connect(options: LinkOptions): Promise<Link> {
  const client = await loadPackage<Client>(CLIENT, { use: "the store", tell: options.tell });
  const { kind, hosts, path } = options.address;
  if (kind === "cluster") return await connectCluster(client, options);
  if (kind === "server") return await connectServer(client, options, path ?? hosts[0]!);
  const master = await findMaster(client, options);
  const link = await connectServer(client, options, master);
  // A Sentinel may name a server for a moment that is no master any more, or not yet.
  const role = await link.send("", ["ROLE"]).catch((
    error,
  ) => (link.destroy(), Promise.reject(error)));
  if (Array.isArray(role) && String(role[0]) === "master") return link;
  link.destroy();
  throw new Error(`${master.host}:${master.port}, which the Sentinels name, is no master`);
}

async function connectServer(
  client: Client,
  options: LinkOptions,
  to: Endpoint | string,
): Promise<Link> {
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
  const { socket, ...defaults } = settings(client, options, hosts[0]!);
  const { host: _host, port: _port, reconnectStrategy: _none, ...shared } = socket;
  const cluster = client.createCluster(
    {
      rootNodes: hosts.map(({ host, port }) => ({ socket: { ...shared, host, port } })),
      defaults: { ...defaults, socket: shared },
      RESP: 2,
    },
  );
  cluster.on("error", () => {}); // calls tell of what matters
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

function settings(client: Client, options: LinkOptions, to: Endpoint | string) {
  const { address, password, ca, timeout } = options;
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
      ...address.tls && { tls: true, ...ca !== undefined && { ca } },
      connectTimeout: timeout,
      reconnectStrategy: false,
    },
  };
}

async function findMaster(client: Client, options: LinkOptions): Promise<Endpoint> {
  const { hosts, master } = options.address;
  // The login is the server's: Sentinels are asked without one, and have no databases.
  const address = { ...options.address, database: 0, username: undefined };
  let last: unknown = new Error(`no Sentinel knows "${master}"`);
  for (const host of hosts) {
    try {
      const asked = { ...options, address, password: undefined, lost: () => {} };
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
    // It was closed already.
  }
}

/** Milliseconds by which a timer is late when something has held up the process. */
const HELD_UP = 20;

/**
 * Bounds how long an answer is awaited. If the process was held up meanwhile, as by a guest that spins, an answer that
 * has come by then is heard first.
 *
 * @returns The answer; rejects with a {@linkcode StoreTimeout} if it does not come in time.
 */
export function within<T>(timeout: number, answer: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const due = performance.now() + timeout;
  const expire = () => {
    if (performance.now() - due < HELD_UP) return reject(new StoreTimeout(timeout));
    timer = setTimeout(() => reject(new StoreTimeout(timeout)), HELD_UP);
  };
  let timer = setTimeout(expire, timeout);
  answer.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}

/** The store has not answered in time. What was asked of it may have been done, or may yet be. */
export class StoreTimeout extends Error {
  override readonly name = "StoreTimeout";

  constructor(timeout: number) {
    super(`it has not answered within ${Math.round(timeout)} ms`);
  }
}
