import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { setImmediate } from "node:timers";
import type { Connector } from "../../../service/backends/connector.ts";
import { Http1Pool } from "../../../service/backends/http1_pool.ts";
import { Http1Request } from "../../../service/backends/http1_request.ts";
import { SendError, type SendFailure } from "../../../service/errors.ts";
import { isWhole } from "../../../service/http/bytes.ts";
import { machineClock } from "../../../service/util/clock.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";
import { request } from "./origins.ts";

/** Result of a request. */
export interface Outcome {
  readonly status?: number;
  readonly headers?: readonly string[];
  readonly content?: string;
  readonly trailers?: readonly string[];
  /** Failure of the request, or of its response's content. */
  readonly failure?: SendFailure;
  /** Whether the next request would get the same connection. */
  readonly kept: boolean;
}

/** Turns of the event loop without any news after which there will be none: nothing here waits for a timer. */
const QUIET_TURNS = 4;

/** Makes a connector whose connections are pairs of streams in memory, and the list of their far ends. */
export function memoryConnector(): { readonly connector: Connector; readonly fars: Duplex[] } {
  const fars: Duplex[] = [];
  const connector: Connector = {
    name: "http://origin.test:80",
    secure: true, // then the bytes are events, as those of a stream are
    host: "origin.test",
    port: 80,
    open() {
      const [near, far] = duplexPair();
      fars.push(far);
      far.on("error", () => {});
      far.resume();
      return asSocket(near);
    },
  };
  return { connector, fars };
}

/** Sends a request over a pair of streams in memory, on which the pieces are its response; then the origin closes. */
export async function converse(
  pieces: readonly string[],
  method = "GET",
): Promise<Outcome> {
  const { connector, fars } = memoryConnector();
  const pool = new Http1Pool(connector, { url: "http://origin.test" }, machineClock);
  const timeouts = { stallClock: new StallClock() };
  const inFlight = new Http1Request(request({ method }), { connector, timeouts, pool });
  const result = resultOf(inFlight);
  let settled = false;
  result.then(() => settled = true);
  for (const piece of pieces) {
    fars[0]!.write(Buffer.from(piece, "latin1"));
    await turn();
  }
  await quiet();
  const kept = settled && pool.take()!.uses > 0;
  fars[0]!.end();
  const outcome = await result;
  pool.close();
  for (const far of fars) far.destroy();
  return { ...outcome, kept };
}

async function resultOf(inFlight: Http1Request): Promise<Omit<Outcome, "kept">> {
  let seen: Omit<Outcome, "kept"> = {};
  try {
    const { status, headers, body } = await inFlight.response;
    seen = { status, headers: headers.raw, content: "" };
    if (isWhole(body)) return { ...seen, content: latin1(body), trailers: [] };
    for (let chunk; (chunk = await body.read());) {
      seen = { ...seen, content: seen.content + latin1(chunk) };
    }
    return { ...seen, trailers: body.trailers?.raw ?? [] };
  } catch (error) {
    if (error instanceof SendError) return { ...seen, failure: error.failure };
    throw error;
  }
}

/** Adds the members of a socket that the client uses to a stream. */
function asSocket(stream: Duplex): Socket {
  stream.allowHalfOpen = false;
  return Object.assign(stream, {
    remoteAddress: "192.0.2.1",
    remotePort: 80,
    setNoDelay() {},
    ref() {},
    unref() {},
    destroySoon() {
      stream.end(() => stream.destroy());
    },
  }) as unknown as Socket;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** Resolves when all bytes that were sent have arrived. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < QUIET_TURNS; i++) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
