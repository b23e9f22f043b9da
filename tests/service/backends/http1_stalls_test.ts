import type { BackendOptions } from "../../../service/backends/definition.ts";
import { collect, type Payload } from "../../../service/http/bytes.ts";
import { SendError } from "../../../service/errors.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";
import { TestClock } from "../../../testing/clock.ts";
import { assertEquals } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { lapse } from "../../lapse.ts";
import { against, OK, request, sourceFrom, textOf, type Wire } from "./origins.ts";

/** A backend that stops, or that goes on with less than content. */
interface Stall {
  /** Bytes that come at once. */
  readonly sent: string;
  /** Bytes that come again and again behind them. */
  readonly drip?: string;
  /** Whether it stops before it has read the request's content. */
  readonly isDeaf?: boolean;
  /** Time limit that ends the request, which has no other. */
  readonly limit: "firstByte" | "betweenBytes";
}

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

const STALLS: { readonly [what: string]: Stall } = {
  "says nothing": { sent: "", limit: "firstByte" },
  "takes no content": { sent: "", isDeaf: true, limit: "firstByte" },
  "stops in a status line": { sent: "HTTP/1.1 2", limit: "firstByte" },
  "stops in a head": { sent: "HTTP/1.1 200 OK\r\nX: y\r\n", limit: "firstByte" },
  "sends a head byte by byte": { sent: "HTTP/1.1 200 OK\r\nX: ", drip: "y", limit: "firstByte" },
  "sends empty lines": { sent: "", drip: "\r\n", limit: "firstByte" },
  "sends informational heads": { sent: "", drip: "HTTP/1.1 100 C\r\n\r\n", limit: "firstByte" },
  "stops behind a head": {
    sent: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
    limit: "betweenBytes",
  },
  "stops in content": {
    sent: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    limit: "betweenBytes",
  },
  "stops in content without an end": { sent: "HTTP/1.1 200 OK\r\n\r\nhalf", limit: "betweenBytes" },
  "takes no content, and stops in its own": {
    sent: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    isDeaf: true,
    limit: "betweenBytes",
  },
  "stops in a chunk": { sent: `${CHUNKED}5\r\nhe`, limit: "betweenBytes" },
  "stops behind a chunk": { sent: `${CHUNKED}2\r\nhe\r\n`, limit: "betweenBytes" },
  "sends a chunk's size byte by byte": {
    sent: `${CHUNKED}5;a="`,
    drip: "b",
    limit: "betweenBytes",
  },
  "stops before its last chunk has ended": {
    sent: `${CHUNKED}2\r\nhe\r\n0\r\n`,
    limit: "betweenBytes",
  },
  "sends trailers one by one": { sent: `${CHUNKED}0\r\n`, drip: "X: y\r\n", limit: "betweenBytes" },
};

/** Content that no buffer of the system takes whole. */
const LARGE = new Uint8Array(16 << 20);
const UPLOADS: { readonly [what: string]: (size: number) => Payload | string } = {
  "a small request": () => "hello",
  "a large one": (size) => LARGE.subarray(0, size),
  "a stream": (size) =>
    sourceFrom(async function* () {
      for (let at = 0; at < size; at += 65_536) yield LARGE.subarray(at, at + 65_536);
    }()),
};

const authority = await createAuthority();
const identity = await authority.issue(["ip:127.0.0.1"]);
const MS = 15_000;

/** Events of a stall. */
class Course {
  /** Resolves when the backend has stopped. */
  readonly stopped = Promise.withResolvers<void>();
  /** Resolves when the client has its outcome. */
  readonly over = Promise.withResolvers<void>();
}

/** Answers the first request as a stall does, until the client closes; later connections well. */
function originOf(
  { sent, drip = "", isDeaf = false }: Stall,
  { stopped, over }: Course,
): (wire: Wire, connection: number) => Promise<void> {
  return async (wire, connection) => {
    const head = await wire.head();
    if (connection > 1) return await wire.write(OK);
    const length = /content-length: (\d+)/i.exec(head)?.[1];
    if (!isDeaf && length) await wire.exactly(Number(length));
    else if (!isDeaf) await wire.until("\r\n0\r\n\r\n");
    await wire.write(sent);
    stopped.resolve();
    let open = true;
    const closed = isDeaf ? over.promise : wire.rest();
    closed.then(() => open = false);
    while (drip && open) {
      await wire.write(drip).catch(() => open = false);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await closed;
  };
}

for (const [what, stall] of Object.entries(STALLS)) {
  Deno.test(`a backend that ${what} holds a request for its time limit, and no place`, async () => {
    for (const secure of [false, true]) {
      for (const [how, upload] of Object.entries(UPLOADS)) {
        if (stall.isDeaf && how === "a small request") continue;
        const size = stall.isDeaf ? LARGE.length : 1 << 18;
        const options: Partial<BackendOptions> = {
          pool: { maxConnections: 1 },
          timeouts: { [stall.limit]: MS },
          http2: false,
          tls: { ca: authority.ca },
        };
        const clock = new TestClock(0, true);
        const course = new Course();
        await against(
          originOf(stall, course),
          async (transport) => {
            const { response } = transport.send(request({ method: "POST", body: upload(size) }));
            const outcome = response.then(({ body }) => collect(body))
              .catch((error) => error instanceof SendError ? error.failure : error);
            await course.stopped.promise;
            await lapse(clock, MS, outcome);
            course.over.resolve();
            assertEquals([how, secure, await outcome], [how, secure, "http_response_timeout"]);
            assertEquals(await textOf(await transport.send(request()).response), "ok");
          },
          options,
          { clock: new StallClock(clock), ...secure && { identity } },
        );
      }
    }
  });
}
