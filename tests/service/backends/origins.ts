import { Buffer } from "node:buffer";
import type { BackendOptions } from "../../../service/backends/definition.ts";
import type {
  BackendRequest,
  BackendResponse,
  Transport,
} from "../../../service/backends/transport.ts";
import { type ByteSource, collect, EMPTY, type Payload } from "../../../service/http/bytes.ts";
import { SendError, type SendFailure } from "../../../service/errors.ts";
import { frameRequest } from "../../../service/http/framing.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { DEFAULT_LIMITS } from "../../../service/limits.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import type { StallClock } from "../../../service/util/stall_clock.ts";
import { assertRejects } from "../../assert.ts";

const encoder = new TextEncoder();

/** A connection that an origin has accepted, read and written as text. */
export class Wire {
  readonly #conn: Deno.Conn;
  /** Bytes that were read and not taken yet. */
  #text = "";

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Ends the sending side. */
  async end(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /** Takes the text up to and including the mark, or all of it if the client closes before. */
  async until(mark: string): Promise<string> {
    for (let from = 0;;) {
      const at = this.#text.indexOf(mark, from);
      if (at >= 0) return this.#take(at + mark.length);
      from = Math.max(0, this.#text.length - mark.length);
      if (!await this.#more()) return this.#take(this.#text.length);
    }
  }

  /** Takes as many characters; fewer when the client closes before. */
  async exactly(count: number): Promise<string> {
    while (this.#text.length < count && await this.#more());
    return this.#take(Math.min(count, this.#text.length));
  }

  /** Takes the head of a request. */
  head(): Promise<string> {
    return this.until("\r\n\r\n");
  }

  /** Takes the text until the client closes, or resets, the connection. */
  async rest(): Promise<string> {
    while (await this.#more());
    return this.#take(this.#text.length);
  }

  /** Writes a byte for each character. */
  async write(text: string): Promise<void> {
    let bytes: Uint8Array = Buffer.from(text, "latin1");
    while (bytes.length) bytes = bytes.subarray(await this.#conn.write(bytes));
  }

  /** Closes the connection; with a reset if bytes of the client are unread. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // it was closed before
    }
  }

  #take(length: number): string {
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return taken;
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const count = await this.#conn.read(buffer).catch(() => null);
    if (count === null) return false;
    this.#text += Buffer.from(buffer.buffer, 0, count).toString("latin1"); // TextDecoder's latin1 is another
    return true;
  }
}

/** An origin that speaks bytes, not HTTP. */
interface RawOrigin {
  readonly url: string;
  /** Number of accepted connections. */
  connections(): number;
  /** Stops, and fails when a connection's handler has failed. */
  close(): Promise<void>;
}

/**
 * Runs the handler for every connection, and closes it afterwards.
 *
 * @param identity Certificate and key, for an origin with TLS.
 */
export function rawOrigin(
  handle: (wire: Wire, connection: number) => Promise<void>,
  hostname = "127.0.0.1",
  identity?: { readonly cert: string; readonly key: string },
): RawOrigin {
  const listener = identity
    ? Deno.listenTls({ hostname, port: 0, ...identity })
    : Deno.listen({ hostname, port: 0 });
  const wires: Wire[] = [];
  const running: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      const wire = new Wire(conn);
      wires.push(wire);
      running.push(handle(wire, wires.length).finally(() => wire.close()));
    }
  })();
  return {
    url: `${identity ? "https" : "http"}://${
      hostname.includes(":") ? `[${hostname}]` : hostname
    }:${listener.addr.port}`,
    connections: () => wires.length,
    async close() {
      listener.close();
      await accepting;
      for (const wire of wires) wire.close();
      await Promise.all(running);
    },
  };
}

/** A request for `/` with the Host field and framing that its body needs. */
export function request(changes: {
  method?: string;
  target?: string;
  headers?: readonly string[];
  body?: Payload | string;
} = {}): BackendRequest {
  const { method = "GET", target = "/", headers = [], body = EMPTY } = changes;
  const payload = typeof body === "string" ? encoder.encode(body) : body;
  const list = new HeaderList(["Host", "origin.test", ...headers]);
  if (!list.has("content-length") && !list.has("transfer-encoding")) {
    if (payload.length === undefined) list.append("Transfer-Encoding", "chunked");
    else if (payload.length) list.append("Content-Length", String(payload.length));
  }
  const url = `http://origin.test${target}`;
  return { method, url, target, headers: list, body: payload, limits: DEFAULT_LIMITS };
}

/** A POST whose Content-Length is the guest's own, whatever the body is. */
export function post(length: number, body: Payload): BackendRequest {
  const headers = new HeaderList(["Host", "origin.test", "Content-Length", String(length)]);
  return { ...request({ method: "POST" }), ...frameRequest(headers, "POST", body, "manual") };
}

/** The response's body as text. */
export async function textOf(response: BackendResponse): Promise<string> {
  return new TextDecoder().decode(await collect(response.body));
}

/** The response's body, which has to be one that arrives. */
export function sourceOf(response: BackendResponse): ByteSource {
  if (response.body instanceof Uint8Array) throw new TypeError("Cannot stream a whole body");
  return response.body;
}

/** A source of the chunks that the generator yields, with the trailers that it returns. */
export function sourceFrom(
  chunks: AsyncGenerator<string | Uint8Array, HeaderList | void>,
  length?: number,
): ByteSource & { readonly cancelled: Promise<unknown> } {
  const cancelled = Promise.withResolvers<unknown>();
  let trailers: HeaderList | undefined;
  return {
    length,
    get trailers() {
      return trailers;
    },
    async read() {
      const { done, value } = await chunks.next();
      if (!done) return typeof value === "string" ? encoder.encode(value) : value;
      trailers = value || undefined;
      return undefined;
    },
    cancel: (reason) => cancelled.resolve(reason),
    cancelled: cancelled.promise,
  };
}

/** A whole response. */
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Runs a test against an origin, and leaves nothing open. */
export async function against(
  handle: (wire: Wire, connection: number) => Promise<void>,
  test: (transport: Transport, origin: RawOrigin) => Promise<void>,
  options: Partial<BackendOptions> = {},
  { identity, clock }: { identity?: Parameters<typeof rawOrigin>[2]; clock?: StallClock } = {},
): Promise<void> {
  const origin = rawOrigin(handle, "127.0.0.1", identity);
  const transport = httpTransport({ url: origin.url, ...options }, clock);
  try {
    await test(transport, origin);
  } finally {
    transport.close();
    await origin.close();
  }
}

/** An origin that answers every request on a connection alike. */
export function always(response: string): (wire: Wire) => Promise<void> {
  return async (wire) => {
    while (await wire.head()) await wire.write(response);
  };
}

/** The failure with which a send, or a read, rejects. */
export async function failureOf(run: () => PromiseLike<unknown>): Promise<SendFailure> {
  return (await assertRejects(run, SendError)).failure;
}

/** Resolves when a connection over HTTP/2 has been released, a turn of the event loop after its last byte. */
export function givenBack(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

const ENDLESS = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n";

/** Origin of {@linkcode keepingOrigin}. */
interface KeepingOrigin extends RawOrigin {
  /** Number of open connections. */
  readonly open: number;
  /** Lets the responses go to requests for `/slow`. */
  go(): void;
  /** Resolves when no more than so many connections are open. */
  atMost(count: number): Promise<void>;
}

/** An origin that keeps connections open and counts those that are. */
export function keepingOrigin(): KeepingOrigin {
  let open = 0;
  const ended: (() => void)[] = [];
  const go = Promise.withResolvers<void>();
  const origin = rawOrigin(async (wire) => {
    open++;
    try {
      for (let head; (head = await wire.head().catch(() => ""));) {
        if (head.startsWith("GET /slow")) await go.promise;
        if (/^GET \/\S*endless/.test(head)) await wire.write(ENDLESS);
        else await wire.write(OK);
      }
    } finally {
      open--;
      for (const tell of ended.splice(0)) tell();
    }
  });
  return {
    ...origin,
    get open() {
      return open;
    },
    go: go.resolve,
    async atMost(count: number) {
      while (open > count) await new Promise<void>((resolve) => ended.push(resolve));
    },
  };
}
