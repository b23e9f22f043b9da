import type { LookupAddress } from "node:dns";
import type { LookupFunction, NetConnectOpts, Socket } from "node:net";
import type { BackendOptions, TcpKeepAlive } from "./definition.ts";
import type { OnRead } from "./read_buffers.ts";
import { builtin } from "../util/builtins.ts";
import { tlsConnector } from "./tls.ts";

/** Opens connections to one backend. */
export interface Connector {
  /** Scheme, host and port, for messages. */
  readonly name: string;
  readonly secure: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /**
   * Starts to open a connection.
   *
   * @param protocols Protocols to offer by ALPN (RFC 7301), with TLS.
   * @param onread Buffers that the bytes are read into, in place of the event `data`. Not with TLS.
   * @throws {SendError} If the options are not valid.
   */
  open(protocols?: readonly string[], onread?: OnRead): Socket;
}

/** Makes a connector. It reads the URL of the options; other options that are not valid fail `open`. */
export function connectorOf(options: BackendOptions): Connector {
  const { protocol, hostname, port: explicit } = new URL(options.url);
  const secure = protocol === "https:";
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const port = explicit ? Number(explicit) : secure ? 443 : 80;
  const name = `${protocol}//${hostname}:${port}`;
  const tcp: NetConnectOpts = { host, port, ...lookup(host, options), ...keepAlive(options) };
  let connectTls: ReturnType<typeof tlsConnector> | undefined;
  return {
    name,
    secure,
    host,
    port,
    open(protocols, onread) {
      if (!secure) {
        return builtin("node:net").connect(onread ? { ...tcp, onread } as NetConnectOpts : tcp);
      }
      connectTls ??= tlsConnector(host, name, options.tls);
      return connectTls(tcp, protocols);
    },
  };
}

/** Returns the settings in the format of `node:net`. */
function tcpKeepAlive(
  { enable = true, time }: TcpKeepAlive,
): { keepAlive: boolean; keepAliveInitialDelay?: number } {
  return {
    keepAlive: enable,
    ...time !== undefined && { keepAliveInitialDelay: time * 1000 },
  };
}

function keepAlive({ tcpKeepAlive: settings }: BackendOptions): Partial<NetConnectOpts> {
  return settings ? tcpKeepAlive(settings) : {};
}

function lookup(host: string, { preferIpv4 }: BackendOptions): { lookup?: LookupFunction } {
  if (host === "localhost") return { lookup: lookUpLoopback };
  return preferIpv4 ? { lookup: lookUpIpv4First } : {};
}

/** Resolves `localhost` to this machine's loopback addresses of both families (RFC 6761, section 6.3). */
const lookUpLoopback: LookupFunction = (_host, { all }, callback) => {
  const addresses = [{ address: "127.0.0.1", family: 4 }, { address: "::1", family: 6 }];
  if (all) callback(null, addresses);
  else callback(null, "127.0.0.1", 4);
};

const lookUpIpv4First: LookupFunction = (host, { all }, callback) => {
  builtin("node:dns").lookup(host, { all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    const sorted = ipv4First(addresses);
    if (all) callback(null, sorted);
    else callback(null, sorted[0]!.address, sorted[0]!.family);
  });
};

/** Sorts IPv4 addresses before IPv6 addresses; each family keeps its order. */
export function ipv4First(addresses: readonly LookupAddress[]): LookupAddress[] {
  return addresses.toSorted((one, other) => one.family - other.family);
}
