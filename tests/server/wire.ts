import { Buffer } from "node:buffer";
import type { ByteSource, Payload } from "../../service/http/bytes.ts";
import type { Exchange, ResponseHead } from "../../service/http/exchange.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { listen } from "../../server/listener.ts";
import type { AccessEntry, Listener, ListenOptions } from "../../server/listen_options.ts";

const encoder = new TextEncoder();

export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

export function head(status: number, ...raw: string[]): ResponseHead {
  return { status, headers: new HeaderList(raw) };
}

/** A response with its length, from text. */
export function answerText(exchange: Exchange, text: string, status = 200): void {
  const body = bytes(text);
  exchange.respond(head(status, "Content-Length", String(body.length)), body);
}

/** Raw connection: its texts are the bytes on the wire, a character per byte. */
export class Wire implements Disposable {
  readonly #connection: Deno.TcpConn;
  #text = "";

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open(port: number): Promise<Wire> {
    return new Wire(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string): Promise<void> {
    let left: Uint8Array = Buffer.from(text, "latin1");
    while (left.length) left = left.subarray(await this.#connection.write(left));
  }

  /** Everything up to and with the first occurrence. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      if (!(await this.more())) {
        throw new Error(`The connection ended before ${JSON.stringify(mark)}: ${this.#text}`);
      }
    }
  }

  async exactly(count: number): Promise<string> {
    while (this.#text.length < count) {
      if (!(await this.more())) throw new Error("The connection ended too early");
    }
    return this.#take(count);
  }

  /** Everything to the connection's end, be it clean or not. */
  async rest(): Promise<string> {
    while (await this.more());
    return this.#take(this.#text.length);
  }

  /** Reads once; says whether there was anything. */
  async more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const count = await this.#connection.read(buffer).catch(() => null);
    if (!count) return false;
    this.#text += Buffer.from(buffer.buffer, 0, count).toString("latin1");
    return true;
  }

  /** Ends the sending side only. */
  async halfClose(): Promise<void> {
    await this.#connection.closeWrite();
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // closed already
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(count: number): string {
    const taken = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return taken;
  }
}

/** Log of a listener. */
interface Serving {
  readonly lines: AccessEntry[];
  readonly troubles: string[];
  /** Waits until the access log has so many lines: a client may have a response before the server knows that it went out. */
  logged(count: number): Promise<AccessEntry[]>;
}

/** A listener on a free port that is closed in the end, with the lines of its access log. */
export async function serving(
  answer: (exchange: Exchange) => void | Promise<void>,
  options: Partial<ListenOptions> = {},
): Promise<Listener & AsyncDisposable & Serving> {
  const lines: AccessEntry[] = [];
  let more = Promise.withResolvers<void>();
  const troubles: string[] = [];
  const listener = await listen({
    hostname: "127.0.0.1",
    port: 0,
    answer: async (exchange) => await answer(exchange),
    access(entry) {
      lines.push(entry);
      more.resolve();
      more = Promise.withResolvers();
    },
    trouble: (message) => void troubles.push(message),
    ...options,
  });
  return {
    ...listener,
    lines,
    troubles,
    async logged(count) {
      while (lines.length < count) await more.promise;
      return lines;
    },
    async [Symbol.asyncDispose]() {
      await listener.drain(0);
    },
  };
}

/** A body whose pieces a test hands out one by one. */
export class Tap implements ByteSource {
  length: number | undefined;
  trailers: HeaderList | undefined;
  cancelled: unknown;
  reads = 0;
  #pieces: (Uint8Array | Error | undefined)[] = [];
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  readonly #cancel = Promise.withResolvers<void>();

  /** Resolves when the reader has cancelled. */
  get gone(): Promise<void> {
    return this.#cancel.promise;
  }

  push(text: string): void {
    this.#put(bytes(text));
  }

  end(...trailers: string[]): void {
    if (trailers.length) this.trailers = new HeaderList(trailers);
    this.#put(undefined);
  }

  fail(error: Error): void {
    this.#put(error);
  }

  read(): Promise<Uint8Array | undefined> | Uint8Array | undefined {
    this.reads++;
    if (!this.#pieces.length) return (this.#waiting = Promise.withResolvers()).promise;
    const piece = this.#pieces.shift();
    if (piece instanceof Error) throw piece;
    return piece;
  }

  cancel(reason?: unknown): void {
    this.cancelled = reason ?? true;
    this.#cancel.resolve();
  }

  #put(piece: Uint8Array | Error | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) this.#pieces.push(piece);
    else if (piece instanceof Error) waiting.reject(piece);
    else waiting.resolve(piece);
  }
}

/** Reads a body to its end as text. */
export async function textOf(body: Payload): Promise<string> {
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  let text = "";
  for (let chunk; (chunk = await body.read());) text += new TextDecoder().decode(chunk);
  return text;
}

/** Reads content that is a source to its end. */
export async function readAll(body: Payload): Promise<void> {
  if (body instanceof Uint8Array) throw new Error(`there is none: ${body.length}`);
  while (await body.read());
}
