import { Backend } from "../../../service/backends/backend.ts";
import type { BackendOptions } from "../../../service/backends/definition.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { collect, EMPTY, type Payload } from "../../../service/http/bytes.ts";
import type { Framing } from "../../../service/http/framing.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { DEFAULT_LIMITS } from "../../../service/limits.ts";
import { assertEquals } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { clearOrigin } from "./http2_origins.ts";
import { OK, rawOrigin, sourceFrom } from "./origins.ts";
import { receive, type ReceivedRequest } from "./received_requests.ts";

/** A body that guests may send. */
interface Sent {
  /** Content up to its end, or to its failure. */
  readonly content: string;
  /** Length that is known before it is read. */
  readonly length?: number;
  readonly fails?: boolean;
  readonly trailers?: readonly string[];
  make(): Payload;
}

function whole(length: number): Sent {
  const content = "x".repeat(length);
  return { content, length, make: () => length ? new TextEncoder().encode(content) : EMPTY };
}

function streamed(
  pieces: readonly string[],
  rest: { length?: number; fails?: boolean; trailers?: readonly string[] } = {},
): Sent {
  const make = () =>
    sourceFrom(
      async function* () {
        yield* pieces;
        if (rest.fails) throw new Error("The guest has ended");
        if (rest.trailers) return new HeaderList(rest.trailers);
      }(),
      rest.length,
    );
  return { content: pieces.join(""), ...rest, make };
}

const PIECES = ["y", "z".repeat(3000), "0\r\n\r\n"];
const BODIES: { readonly [what: string]: Sent } = {
  "no body": whole(0),
  "a short body": whole(5),
  "a body in a write of its own": whole(20_000),
  "a stream of known length": streamed(PIECES, { length: 3006 }),
  "an empty stream of known length": streamed([], { length: 0 }),
  "a stream of unknown length": streamed(PIECES),
  "an empty stream": streamed([]),
  "a stream that fails": streamed(PIECES, { fails: true }),
  "a stream of known length that fails": streamed(PIECES, { fails: true, length: 4000 }),
  "a stream with trailers": streamed(PIECES, { trailers: ["X-Sum", "1", "x-sum", "2"] }),
};

/** Bodies of 3 MB. */
const LONG: typeof BODIES = {
  "a long body": whole(3 << 20),
  "a long stream": streamed(Array.from({ length: 48 }, () => "x".repeat(65_536))),
  "a long stream of known length": streamed(["y".repeat(3 << 20)], { length: 3 << 20 }),
};

/** Framing fields of a guest, for a body of some length. */
const FRAMINGS: {
  readonly [what: string]: readonly [framing: Framing, fields: (length: number) => string[]];
} = {
  "automatic framing": ["automatic", () => []],
  "automatic framing and wrong fields": [
    "automatic",
    () => ["Content-Length", "1", "Transfer-Encoding", "gzip"],
  ],
  "its length": ["manual", (length) => ["Content-Length", `${length}`]],
  "a shorter length": ["manual", (length) => ["Content-Length", `${Math.max(0, length - 2)}`]],
  "a longer length": ["manual", (length) => ["Content-Length", `${length + 1}`]],
  "chunks": ["manual", () => ["transfer-encoding", "Chunked"]],
  "chunks and a length": ["manual", () => ["content-length", "3", "Transfer-Encoding", "chunked"]],
  "no fields": ["manual", () => []],
  "rubbish": ["manual", () => ["Content-Length", "5x", "Content-Length", "5"]],
  "other codings": ["manual", () => ["Transfer-Encoding", "gzip, chunked"]],
};

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "pUrge"];

/** Returns the message that RFC 9112 wants. */
function expected(method: string, sent: Sent, framing: Framing, fields: string[]): ReceivedRequest {
  const given = new HeaderList(fields);
  const length = given.getAll("content-length");
  const coding = given.getAll("transfer-encoding");
  const { content, fails = false, trailers = [] } = sent;
  const chunked = { content, ends: !fails, trailers };
  if (framing === "manual" && coding.length === 1 && /^chunked$/i.test(coding[0]!)) {
    return { ...chunked, fields: [`Transfer-Encoding: ${coding[0]}`] };
  }
  const isSet = framing === "manual" && !coding.length && length.length === 1;
  const declared = isSet ? Number(length[0]) : sent.length;
  if (declared === undefined) return { ...chunked, fields: ["Transfer-Encoding: chunked"] };
  const bodiless = ["GET", "HEAD", "DELETE", "OPTIONS"].includes(method) && declared === 0;
  return {
    fields: bodiless && !isSet ? [] : [`Content-Length: ${declared}`],
    content: content.slice(0, declared),
    ends: content.length >= declared,
    trailers: [],
  };
}

const authority = await createAuthority();
const identity = await authority.issue(["ip:127.0.0.1"]);

/** Sends each case, and a GET behind it, to an origin; compares the requests that arrive there. */
async function compare(
  secure: boolean,
  methods: readonly string[],
  bodies = BODIES,
): Promise<void> {
  const messages: (readonly [connection: number, line: string, ReceivedRequest])[] = [];
  let arrived = () => {};
  const origin = rawOrigin(
    async (wire, connection) => {
      for (let message; (message = await receive(wire));) {
        messages.push([connection, ...message]);
        arrived();
        if (!message[1].ends) return;
        await wire.write(message[0].startsWith("HEAD") ? OK.slice(0, -2) : OK);
        if (message[0].startsWith("CONNECT")) return;
      }
    },
    "127.0.0.1",
    secure ? identity : undefined,
  );
  const options: BackendOptions = {
    url: origin.url,
    http2: false,
    tls: { ca: authority.ca },
    pool: { maxConnections: 1 },
    timeouts: { connect: 20_000 },
  };
  const transport = httpTransport(options);
  const stats = { requests: 0, failures: 0 };
  const backend = new Backend("origin", options, { transport, stats, report() {} });
  const send = (method: string, framing: Framing, fields: string[], body: Payload) =>
    backend.send({
      method,
      url: "http://origin.test/a",
      headers: new HeaderList(fields),
      framing,
      body,
      limits: DEFAULT_LIMITS,
    }).response.then(async ({ status, body }) => `${status} ${(await collect(body)).length}`);
  try {
    for (const method of methods) {
      for (const [what, sent] of Object.entries(bodies)) {
        for (const [how, [framing, fieldsFor]] of Object.entries(FRAMINGS)) {
          const fields = fieldsFor(sent.content.length);
          const wanted = expected(method, sent, framing, fields);
          const outcome = await send(method, framing, fields, sent.make())
            .catch((error) => error.failure);
          // One that fails may be seen to end after the next has come, on another connection.
          while (!messages.length) await new Promise<void>((resolve) => arrived = resolve);
          const answer = /^(HEAD|CONNECT)$/.test(method) ? "200 0" : "200 2";
          assertEquals(await send("GET", "automatic", [], EMPTY), "200 2");
          const [first, next] = messages.splice(0);
          const label = `${method} ${what} ${how}`;
          const [, line, { content, ...rest }] = first!;
          assertEquals([label, line, content === wanted.content], [
            label,
            `${method} /a HTTP/1.1`,
            true,
          ]);
          assertEquals([label, { ...rest, content: "" }], [label, { ...wanted, content: "" }]);
          assertEquals([label, outcome], [label, wanted.ends ? answer : "connection_terminated"]);
          const keeps = wanted.ends && method !== "CONNECT";
          assertEquals([label, next![0] - first![0]], [label, keeps ? 0 : 1]);
        }
      }
    }
  } finally {
    transport.close();
    await origin.close();
  }
}

for (const method of METHODS) {
  Deno.test(`each body of a ${method} arrives with each framing, and the connection is kept or closed`, () =>
    compare(false, [method]));
}

Deno.test("each body arrives over TLS with each framing, and the connection is kept or closed", () =>
  compare(true, ["GET", "POST"]));

for (const secure of [false, true]) {
  Deno.test(`bodies of 3 MB arrive whole with each framing${secure ? ", over TLS" : ""}`, () =>
    compare(secure, ["POST"], LONG));
}

Deno.test("each body arrives over HTTP/2, whatever its framing in HTTP/1 was", async () => {
  let message: unknown;
  const origin = await clearOrigin(async (stream, headers) => {
    let content = "";
    let trailers: string[] = [];
    stream.on("trailers", (fields) => trailers = Object.keys(fields));
    try {
      for await (const chunk of stream) content += chunk;
    } catch {
      return;
    }
    message = [
      headers[":method"],
      headers["content-length"],
      headers["transfer-encoding"],
      content,
      trailers,
    ];
    stream.respond({ ":status": 200 });
    stream.end("ok");
  });
  const options: BackendOptions = { url: origin.url, grpc: true };
  const transport = httpTransport(options);
  const stats = { requests: 0, failures: 0 };
  const backend = new Backend("origin", options, { transport, stats, report() {} });
  for (const method of ["GET", "POST"]) {
    for (const [what, sent] of Object.entries(BODIES)) {
      for (const [how, [framing, fieldsFor]] of Object.entries(FRAMINGS)) {
        const fields = fieldsFor(sent.content.length);
        const wanted = expected(method, sent, framing, fields);
        message = undefined;
        const outcome = await backend.send({
          method,
          url: "http://origin.test/a",
          headers: new HeaderList(fields),
          framing,
          body: sent.make(),
          limits: DEFAULT_LIMITS,
        }).response.then(
          async ({ status, body }) => `${status} ${(await collect(body)).length}`,
          (error) => error.failure,
        );
        const label = `${method} ${what} ${how}`;
        assertEquals([label, outcome], [label, wanted.ends ? "200 2" : "connection_terminated"]);
        if (!wanted.ends) continue;
        const length = wanted.fields[0]?.startsWith("Content-Length: ")
          ? wanted.fields[0].slice(16)
          : undefined;
        const { content, trailers } = wanted;
        assertEquals([label, message], [label, [
          method,
          length,
          undefined,
          content,
          trailers.length ? ["x-sum"] : [],
        ]]);
      }
    }
  }
  transport.close();
  await origin.close();
});
