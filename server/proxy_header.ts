import type { Buffer } from "node:buffer";
import { addressOf, octetsOf } from "../service/util/address.ts";
import { type Beginning, FirstBytesError } from "./first_bytes.ts";

/** Addresses of the client's connection from the proxy's header; undefined if the header has none, as for a health check. */
type ProxiedAddresses = {
  readonly address: string;
  readonly port: number;
  readonly serverAddress: string;
  readonly serverPort: number;
} | undefined;

/** First bytes of a header in version 2. */
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
/** Length of a header's fixed part in version 2. */
const HEAD = 16;
/** Maximum number of bytes of a header in version 1, with its CRLF. */
const MAX_LINE = 107;
/** Maximum number of bytes of a header, with the extensions of version 2, of which proxies add some hundred bytes. */
export const MAX_PROXY_HEADER = 4096;

/**
 * Finds the header of the PROXY protocol, version 1 or 2, in the first bytes of a connection
 * (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
 *
 * @returns The addresses in it; undefined while the header is not whole.
 * @throws {FirstBytesError} If the bytes do not begin with one.
 */
export function findProxyHeader(bytes: Buffer): Beginning<ProxiedAddresses> | undefined {
  const text = bytes.toString("latin1", 0, SIGNATURE.length);
  if (SIGNATURE.startsWith(text)) {
    return text.length < SIGNATURE.length ? undefined : readBinary(bytes);
  }
  if (!"PROXY ".startsWith(text.slice(0, 6))) refuse();
  const line = bytes.toString("latin1", 0, MAX_LINE);
  const end = line.indexOf("\r\n");
  if (end < 0) return bytes.length < MAX_LINE ? undefined : refuse();
  return { value: readLine(line.slice(0, end)), taken: end + 2 };
}

function readLine(line: string): ProxiedAddresses {
  if (/^PROXY UNKNOWN( |$)/.test(line)) return undefined;
  const [, family, address, serverAddress, port, serverPort] =
    /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line) ?? refuse();
  const size = family === "4" ? 4 : 16;
  if (octetsOf(address!)?.length !== size || octetsOf(serverAddress!)?.length !== size) refuse();
  if (Number(port) > 65_535 || Number(serverPort) > 65_535) refuse();
  return {
    address: address!,
    port: Number(port),
    serverAddress: serverAddress!,
    serverPort: Number(serverPort),
  };
}

function readBinary(bytes: Buffer): Beginning<ProxiedAddresses> | undefined {
  if (bytes.length < HEAD) return undefined;
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15];
  const taken = HEAD + bytes.readUInt16BE(14);
  if (version !== 2 || command > 1 || taken > MAX_PROXY_HEADER) refuse();
  if (bytes.length < taken) return undefined;
  // TCP over IPv4 or IPv6; addresses of other families are not told.
  const size = bytes[13] === 0x11 ? 4 : bytes[13] === 0x21 ? 16 : 0;
  if (command === 0 || size === 0) return { value: undefined, taken };
  const ports = HEAD + 2 * size;
  if (taken < ports + 4) refuse();
  const value = {
    address: addressOf(bytes.subarray(HEAD, HEAD + size)),
    port: bytes.readUInt16BE(ports),
    serverAddress: addressOf(bytes.subarray(HEAD + size, ports)),
    serverPort: bytes.readUInt16BE(ports + 2),
  };
  return { value, taken };
}

function refuse(): never {
  throw new FirstBytesError("it does not begin with a header of the PROXY protocol");
}
