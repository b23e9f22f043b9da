import { Buffer } from "node:buffer";
import { duplexPair } from "node:stream";
import { setImmediate } from "node:timers";
import { collect } from "../../service/http/bytes.ts";
import type { HeaderList } from "../../service/http/headers.ts";
import { Connection } from "../../server/connection.ts";
import { KeptConnections } from "../../server/kept_connections.ts";
import type { ServerExchange } from "../../server/exchange.ts";
import type { HeadBounds } from "../../service/http/http1/head_parser.ts";
import { WriteBatcher } from "../../server/write_batcher.ts";
import { answerText } from "./wire.ts";

/** A request as a guest sees it. */
export interface Taken {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly content: string;
  readonly trailers: readonly string[];
}

/** Result of a connection. */
export interface Outcome {
  readonly taken: readonly Taken[];
  /** The statuses of its final responses, in order. */
  readonly statuses: readonly number[];
  /** Whether the server has closed it. */
  readonly closed: boolean;
  readonly output: string;
}

const CLIENT = { address: "192.0.2.1", port: 4711, serverAddress: "192.0.2.2", serverPort: 80 };
/** Turns of the event loop without any news after which there will be none: nothing here waits for a timer. */
const QUIET_TURNS = 8;

/** Makes a connection over a pair of streams in memory, on which each request is answered with its content. */
export class Memory {
  readonly taken: Taken[] = [];
  readonly connection: Connection;
  output = "";
  closed = false;
  readonly #client;

  constructor(
    answer: (exchange: ServerExchange) => void | Promise<void> = (exchange) => this.#echo(exchange),
    bounds: HeadBounds = { lineBytes: 64 * 1024, headBytes: 128 * 1024 },
    scheme: "http" | "https" = "http",
  ) {
    const [client, server] = duplexPair();
    this.#client = client;
    client.on("data", (chunk: Buffer) => this.output += chunk.toString("latin1"));
    client.on("end", () => this.closed = true);
    client.on("error", () => {});
    this.connection = new Connection(server, CLIENT, {
      scheme,
      bounds,
      batcher: new WriteBatcher(),
      keepAlive: 75,
      http2: { streams: 100, resets: 100 },
      clock: { round: 0 },
      kept: new KeptConnections(),
      serve: (exchange) => {
        Promise.resolve(answer(exchange)).then(() => exchange.settled());
      },
      refused() {},
      stalled() {},
      trouble() {},
      closed() {},
    });
  }

  /** Sends bytes, a character for each, and waits until all has come of them that will. */
  async send(...pieces: string[]): Promise<void> {
    for (const piece of pieces) {
      this.#client.write(Buffer.from(piece, "latin1"));
      await turn();
    }
    await this.quiet();
  }

  /** Ends the client's sending side. */
  async end(): Promise<void> {
    this.#client.end();
    await this.quiet();
  }

  /** Waits until nothing more comes. */
  async quiet(): Promise<void> {
    let seen = "";
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await turn();
      const now = `${this.output.length} ${this.taken.length} ${this.closed}`;
      if (now !== seen) quiet = 0;
      seen = now;
    }
  }

  get statuses(): number[] {
    const heads = this.output.matchAll(/HTTP\/1\.1 (\d{3}) [^\r]*\r\n/g);
    return [...heads].map(([, status]) => Number(status)).filter((status) => status >= 200);
  }

  get outcome(): Outcome {
    const { taken, statuses, closed } = this;
    const output = this.output.replace(/Date: .*\r\n/g, "");
    return { taken, statuses, closed, output };
  }

  /** Leaves. */
  destroy(): void {
    this.#client.destroy();
  }

  async #echo(exchange: ServerExchange): Promise<void> {
    const { head: { method, url, headers }, body } = exchange;
    let content: string;
    try {
      content = Buffer.from(await collect(body)).toString("latin1");
    } catch {
      return; // its content was refused
    }
    const trailers = (body as { trailers?: HeaderList }).trailers?.raw ?? [];
    this.taken.push({ method, url, headers: [...headers.raw], content, trailers });
    answerText(exchange, "ok");
  }
}

/** Returns the result of a connection on which these pieces arrive, each in a turn of its own. */
export async function converse(pieces: readonly string[]): Promise<Outcome> {
  const memory = new Memory();
  await memory.send(...pieces);
  const { outcome } = memory;
  memory.destroy();
  memory.connection.stream.destroy();
  await turn();
  return outcome;
}

/** A turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
