import { Buffer } from "node:buffer";
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { deferEnd } from "../../../server/http2/deferred_end.ts";
import { concat } from "../../../service/http/bytes.ts";

/** Handler of an origin's requests. */
export type OnStream = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  raw: readonly string[],
) => void;

/** An origin in HTTP/2, over loopback. */
export interface Http2Origin {
  readonly url: string;
  /** Number of accepted connections. */
  connections(): number;
  close(): Promise<void>;
}

/** An origin that knows which of its connections are open. */
interface CountingOrigin extends Http2Origin {
  /** Number of open connections. */
  open(): number;
}

/** An origin over clear TCP, which takes HTTP/2 with prior knowledge only. */
export function clearOrigin(
  onStream: OnStream,
  options: ServerOptions = {},
): Promise<CountingOrigin> {
  return run(createServer(options), onStream, "http");
}

/** An origin over TLS, which offers HTTP/2 by ALPN. */
export function secureOrigin(
  onStream: OnStream,
  options: SecureServerOptions,
): Promise<Http2Origin> {
  return run(createSecureServer(options), onStream, "https");
}

async function run(
  server: Http2Server | Http2SecureServer,
  onStream: OnStream,
  scheme: string,
): Promise<CountingOrigin> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("session", deferEnd); // a client's GOAWAY may end the process of the test otherwise
  server.on("sessionError", () => {});
  server.on("tlsClientError", () => {});
  server.on(
    "stream",
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _: number, raw: string[]) => {
      stream.on("error", () => {});
      onStream(stream, headers, raw);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    open: () => sockets.size,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

/** Frames of HTTP/2, byte by byte: also those that no well-behaved server sends. */
export const frames = {
  settings: frame(4, 0, 0),
  /** A head with status 200 and fields, a byte for each character. */
  head: (stream: number, fields: Readonly<Record<string, string>> = {}, end = false): Uint8Array =>
    frame(1, 4 | (end ? 1 : 0), stream, [0x88, ...literals(fields)]),
  trailers: (stream: number, fields: Readonly<Record<string, string>>): Uint8Array =>
    frame(1, 5, stream, literals(fields)),
  data: (stream: number, text: string, end = false): Uint8Array =>
    frame(0, end ? 1 : 0, stream, [...new TextEncoder().encode(text)]),
  reset: (stream: number, code: number): Uint8Array => frame(3, 0, stream, [0, 0, 0, code]),
  goAway: (last: number, code: number): Uint8Array =>
    frame(7, 0, 0, [0, 0, 0, last, 0, 0, 0, code]),
};

/** Fields in HPACK, as they are (RFC 7541, section 6.2.2). */
function literals(fields: Readonly<Record<string, string>>): number[] {
  return Object.entries(fields).flatMap((field) => [
    0,
    ...field.flatMap((text) => [text.length, ...Buffer.from(text, "latin1")]),
  ]);
}

function frame(type: number, flags: number, stream: number, payload: number[] = []): Uint8Array {
  const { length } = payload;
  return Uint8Array.of(0, length >> 8, length & 255, type, flags, 0, 0, 0, stream, ...payload);
}

/** A connection to an origin that sends frames. */
export interface FrameWire {
  /** Resolves with the number of the stream when the next head comes; 0 when the client closes. */
  request(): Promise<number>;
  write(...frames: readonly Uint8Array[]): Promise<void>;
  /** Resolves when the client closes. */
  readonly closed: Promise<void>;
}

/** An origin that sends its settings on each connection, calls `handle`, and closes it afterwards. */
export function frameOrigin(
  handle: (wire: FrameWire, connection: number) => Promise<void>,
): Http2Origin {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  const running: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      running.push(
        serve(conn, (wire) => handle(wire, conns.length)).finally(() => closeQuietly(conn)),
      );
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    connections: () => conns.length,
    async close() {
      listener.close();
      await accepting;
      conns.forEach(closeQuietly);
      await Promise.all(running);
    },
  };
}

async function serve(conn: Deno.Conn, handle: (wire: FrameWire) => Promise<void>): Promise<void> {
  const heads: number[] = [];
  let wake: (() => void) | undefined;
  let over = false;
  const closed = readHeads(conn, (stream) => {
    heads.push(stream);
    wake?.();
  }).finally(() => {
    over = true;
    wake?.();
  });
  const write = async (...list: readonly Uint8Array[]) => {
    await conn.write(concat(list)).catch(() => {}); // a few bytes are written at once
  };
  await write(frames.settings);
  await handle({
    async request() {
      while (!heads.length && !over) await new Promise<void>((resolve) => wake = resolve);
      return heads.shift() ?? 0;
    },
    write,
    closed,
  });
}

const PREFACE = 24;

/** Reads frames to the end, and tells of those that open a stream. */
async function readHeads(conn: Deno.Conn, onHead: (stream: number) => void): Promise<void> {
  let bytes: number[] = [];
  let skipped = false;
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return;
    bytes.push(...buffer.subarray(0, count));
    if (!skipped && bytes.length >= PREFACE) {
      bytes = bytes.slice(PREFACE);
      skipped = true;
    }
    while (skipped && bytes.length >= 9) {
      const length = bytes[0]! << 16 | bytes[1]! << 8 | bytes[2]!;
      if (bytes.length < 9 + length) break;
      if (bytes[3] === 1) onHead(bytes[8]!);
      bytes = bytes.slice(9 + length);
    }
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // it was closed before
  }
}
