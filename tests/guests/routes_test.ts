import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { Wire } from "../server/wire.ts";
import { exchange, fetchRaw, response, valuesOf } from "./http.ts";
import { type Origin, type Served, serveGuest, startOrigin, testGuest } from "./serving.ts";

const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.5993.70 Safari/537.36";
const EARLY = ["link", "</style.css>; rel=preload; as=style"];

/** Differences between the SDKs themselves. */
interface Guest {
  readonly name: string;
  readonly userAgent: string;
  /** Whether it can send a 103. */
  readonly hints: boolean;
  readonly originals: boolean;
  /** Form in which two cookies are sent. */
  readonly cookies: readonly string[];
  /** Responses to `/trap`, and to `/exit` with its status. */
  readonly trap: RegExp;
  readonly exit: readonly [status: number, body: string];
  /** Its report of a refused connection to an origin. */
  readonly refused: RegExp;
  /** Whether repeats of a request header stay apart in `/headers` and `/proxy/`. */
  readonly repeats: boolean;
  readonly stderr: string;
}

const COOKIES = ["a=1", "b=2"];
const EXITED = [500, "The guest exited with status 3\n"] as const;

const GUESTS: readonly Guest[] = [
  {
    name: "rust",
    userAgent: "Chrome 118.0.5993",
    hints: true,
    originals: true,
    cookies: COOKIES,
    trap: /^The guest trapped: unreachable\n[^]* at rust::main \(0x/,
    exit: EXITED,
    refused: /ConnectionRefused/,
    repeats: true,
    stderr: "hello stderr",
  },
  {
    name: "rust-2020",
    userAgent: "Chrome 118.0.5993",
    hints: false,
    originals: true,
    cookies: COOKIES,
    trap: /^The guest trapped: unreachable\n[^]* at rust_2020::main \(0x/,
    exit: EXITED,
    refused: /xqd_req_send failed/,
    repeats: true,
    stderr: "hello stderr",
  },
  {
    name: "assemblyscript",
    userAgent: "Chrome 118.0.5993",
    hints: false,
    originals: false,
    cookies: ["a=1, b=2"],
    trap: /^The guest trapped: unreachable\n {2}at assembly\/index\/serve \(0x/,
    exit: EXITED,
    refused: /status 1/,
    repeats: false,
    stderr: "Error: hello stderr",
  },
  {
    name: "go",
    userAgent: CHROME,
    hints: true,
    originals: false,
    cookies: COOKIES,
    trap: /^The guest exited with status 2\n$/,
    exit: EXITED,
    refused: /connection refused/i,
    repeats: true,
    stderr: "hello stderr",
  },
  {
    name: "javascript",
    userAgent: CHROME,
    hints: true,
    originals: false,
    cookies: COOKIES,
    trap: /^$/,
    exit: [501, "no exit in this SDK\n"],
    refused: /[Cc]onnection refused/,
    repeats: false,
    stderr: "hello stderr",
  },
];

for (const guest of GUESTS) {
  testGuest(guest.name, "every route answers over a socket", async (t) => {
    await using origin = await startOrigin((request, response) => {
      request.on("end", () => {
        response.writeHead(201, [
          "X-Case",
          "Kept",
          "x-rep",
          "1",
          "x-rep",
          "2",
          "set-cookie",
          "c=3",
        ]);
        response.end(`origin: ${request.method} ${request.url}\n`);
      });
    });
    await using served = await serveGuest(guest.name, {
      backends: { origin: origin.url, dead: "http://127.0.0.1:1" },
    });
    for (const [name, step] of Object.entries(steps(guest, served, origin))) {
      await t.step(name, step);
    }
  });
}

function steps(
  guest: Guest,
  served: Served,
  origin: Origin,
): Record<string, () => Promise<void>> {
  const { port } = served;
  return {
    "/hello answers with its name": async () => {
      const { status, body } = await fetchRaw(port, "/hello");
      assertEquals([status, body], [200, `Hello from ${guest.name}\n`]);
    },
    "/hello answers HEAD without a body, and the connection goes on": async () => {
      using wire = await Wire.open(port);
      await wire.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals((await response(wire, true)).status, 200);
      await wire.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals((await response(wire)).body, `Hello from ${guest.name}\n`);
    },
    "/echo hands a body of any bytes back": async () => {
      const body = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
      const echoed = await fetchRaw(port, "/echo", {
        method: "PUT",
        headers: "Content-Type: x/y\r\n",
        body,
      });
      assertEquals(echoed.status, 200);
      assertEquals(echoed.body, body);
      assertEquals(valuesOf(echoed, "content-type"), ["x/y"]);
      assertEquals(valuesOf(echoed, "x-method"), ["PUT"]);
    },
    "/echo hands a megabyte in chunks back": async () => {
      const chunk = "x".repeat(65_536);
      const chunks = `10000\r\n${chunk}\r\n`.repeat(16);
      const echoed = await exchange(
        port,
        `POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
      );
      assertEquals(echoed.body.length, 16 * 65_536);
      assertEquals(echoed.whole, true);
    },
    "/headers sees every field of the request, and sets two cookies": async () => {
      const headers = "X-FoO: 1\r\nx-bar: caf\xe9\r\nx-foo: 2\r\n";
      const seen = await fetchRaw(port, "/headers", { headers });
      const values = guest.repeats ? "x-foo: 1\nx-foo: 2\n" : "x-foo: 1, 2\n";
      assertStringIncludes(seen.body, values);
      assertStringIncludes(seen.body, "host: test.example\n");
      assertStringIncludes(seen.body, "x-bar: caf");
      assertEquals(valuesOf(seen, "set-cookie"), guest.cookies);
      if (!guest.originals) return;
      assertEquals(valuesOf(seen, "x-original-names"), ["Host,X-FoO,x-bar"]);
      assertEquals(valuesOf(seen, "x-header-count"), ["4"]);
    },
    "/proxy/ sends the request on, and the response back": async () => {
      const answer = await fetchRaw(port, "/proxy/a/b?c=d", {
        method: "POST",
        headers: "X-One: 1\r\n",
        body: "ping",
      });
      assertEquals([answer.status, answer.body], [201, "origin: POST /a/b?c=d\n"]);
      const [seen] = origin.seen.slice(-1);
      assertEquals([seen!.method, seen!.target, seen!.body], ["POST", "/a/b?c=d", "ping"]);
      assertEquals(headerOf(seen!.headers, "x-one"), ["1"]);
      assertEquals(headerOf(seen!.headers, "host"), ["test.example"]);
      assertEquals(valuesOf(answer, "set-cookie"), ["c=3"]);
      assertEquals(valuesOf(answer, "x-case"), ["Kept"]);
      assertEquals(valuesOf(answer, "x-rep").join(", "), "1, 2");
    },
    "/proxy/ to a dead backend is the guest's error to tell": async () => {
      const answer = await fetchRaw(port, "/proxy/a", { headers: "x-backend: dead\r\n" });
      assertEquals(answer.status, 502);
      assertMatch(answer.body, /^cannot reach origin: /);
      assertMatch(answer.body, guest.refused);
    },
    "/proxy/ to an unknown backend says how to define it": async () => {
      const answer = await fetchRaw(port, "/proxy/a", { headers: "x-backend: nowhere\r\n" });
      assertEquals(answer.status, 502);
      const entry = await served.logged((entry) =>
        entry.kind === "host" && entry.level === "error"
      );
      assertStringIncludes(
        entry.kind === "host" ? entry.message : "",
        `[local_server.backends.nowhere]\n  url = "`,
      );
    },
    "/stream sends its lines in chunks": async () => {
      const streamed = await fetchRaw(port, "/stream?n=1000");
      const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join("");
      assertEquals([streamed.body, streamed.whole], [lines, true]);
      assertEquals(valuesOf(streamed, "transfer-encoding"), ["chunked"]);
    },
    "/geo knows loopback addresses": async () => {
      assertEquals((await fetchRaw(port, "/geo")).body, "San Francisco, US\n");
    },
    "/user-agent names the browser": async () => {
      const { body } = await fetchRaw(port, "/user-agent", {
        headers: `User-Agent: ${CHROME}\r\n`,
      });
      const { userAgent } = guest;
      assertEquals(body, `${userAgent}\n`);
    },
    "/early-hint sends a 103 ahead": async () => {
      const hinted = await fetchRaw(port, "/early-hint");
      if (!guest.hints) return assertEquals(hinted.status, 501);
      assertEquals([hinted.status, hinted.body], [200, "hinted\n"]);
      const [early] = hinted.early;
      assertEquals(early?.status, 103);
      const [name, value] = early!.headers[0]!;
      assertEquals([name.toLowerCase(), value], EARLY);
    },
    "/log writes to an endpoint, stdout and stderr": async () => {
      assertEquals((await fetchRaw(port, "/log")).body, "logged\n");
      const told = served.entries.flatMap((entry) =>
        entry.kind === "endpoint"
          ? [`${entry.endpoint}: ${entry.message}`]
          : entry.kind === "stdout" || entry.kind === "stderr"
          ? [entry.message]
          : []
      );
      for (const line of ["events: hello log", "hello stdout", guest.stderr]) {
        assert(told.includes(line), `${line} is not among ${told}`);
      }
    },
    "/trap is a 500 that names what trapped": async () => {
      const { status, body } = await fetchRaw(port, "/trap");
      assertEquals(status, 500);
      assertMatch(body, guest.trap);
    },
    "/exit is a 500 that tells the status": async () => {
      const { status, body } = await fetchRaw(port, "/exit");
      assertEquals([status, body], [...guest.exit]);
    },
    "/sleep holds up nobody else": async () => {
      const sleeping = fetchRaw(port, "/sleep?ms=400");
      const order: string[] = [];
      await Promise.all([
        sleeping.then(({ body }) => order.push(body)),
        fetchRaw(port, "/hello").then(({ body }) => order.push(body)),
      ]);
      assertEquals(order, [`Hello from ${guest.name}\n`, "slept\n"]);
    },
    "/client is the client's address": async () => {
      assertEquals((await fetchRaw(port, "/client")).body, "127.0.0.1\n");
    },
    "/url is absolute, with the path as it was sent": async () => {
      const { body } = await fetchRaw(port, "/url?a=%2F&b=1");
      assertEquals(body, "http://test.example/url?a=%2F&b=1\n");
    },
    "any other path is 404": async () => {
      assertEquals((await fetchRaw(port, "/nope")).status, 404);
    },
  };
}

function headerOf(raw: readonly string[], name: string): string[] {
  return raw.filter((_, i) => i % 2 && raw[i - 1]!.toLowerCase() === name);
}
