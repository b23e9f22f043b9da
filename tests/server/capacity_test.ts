import { listen } from "../../server/listener.ts";
import { defaultConnections } from "../../cli/default_connections.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { fetchRaw, response } from "../guests/http.ts";
import { answerText, Wire } from "./wire.ts";
import { guestUrl } from "../guests/serving.ts";
import { ROOT } from "../cli/commands.ts";
import { Cli, Process } from "../process.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function small(connections: number) {
  const troubles: string[] = [];
  return listen({
    hostname: "127.0.0.1",
    port: 0,
    connections,
    answer: (exchange) => Promise.resolve(answerText(exchange, "ok")),
    trouble: (message) => troubles.push(message),
  }).then((listener) => ({
    ...listener,
    troubles,
    [Symbol.asyncDispose]: () => listener.drain(0),
  }));
}

Deno.test("a connection beyond the limit gets a 503 and a close; when another has closed there is room", async () => {
  await using server = await small(2);
  using one = await Wire.open(server.port);
  using two = await Wire.open(server.port);
  for (const wire of [one, two]) {
    await wire.send(GET);
    await wire.until("ok");
  }
  for (let i = 0; i < 40; i++) {
    using third = await Wire.open(server.port);
    await third.send(GET).catch(() => {});
    const text = await third.rest();
    // Few are told at the same time; the others are cut.
    if (text || i === 0) assertMatch(text, /^HTTP\/1\.1 503 .*\r\n(.*\r\n)*Connection: close\r\n/);
  }
  assertEquals(server.connections(), 2);
  one.close();
  while (server.connections() === 2) await new Promise((resolve) => setTimeout(resolve, 1));
  using fourth = await Wire.open(server.port);
  await fourth.send(GET);
  await fourth.until("ok");
  assert(await server.accepts());
  assertEquals(server.troubles, []);
});

Deno.test("a look at the port is no connection, and goes on while clients come", async () => {
  await using server = await small(2);
  assertEquals(await Promise.all([server.accepts(), server.accepts()]), [true, true]);
  assertEquals(server.connections(), 0);
  const looks = (async () => {
    for (let i = 0; i < 20; i++) assert(await server.accepts());
  })();
  for (let i = 0; i < 20; i++) {
    assertEquals((await fetchRaw(server.port, "/")).status, 200);
    // A client may see the end of its connection before the server does.
    while (server.connections()) await new Promise((resolve) => setTimeout(resolve));
  }
  await looks;
});

Deno.test("by default there may be fewer connections than open files", () => {
  assert(defaultConnections() >= 1);
});

/** Open files that the server below may have. */
const FILES = 160;

Deno.test({
  name: "a server that ran out of open files accepts again, says so, and is not healthy meanwhile",
  ignore: Deno.build.os === "windows",
  async fn() {
    const host = [
      "--bind",
      "127.0.0.1:0",
      "--admin",
      "127.0.0.1:0",
      "--limit",
      "connections=100000",
    ];
    await using server = new Cli([...host, guestUrl("rust").pathname], { openFiles: FILES });
    const noted = (pattern: RegExp) => server.until(pattern, "stderr");
    const [, admin] = await noted(/Health and metrics are on http:\/\/127\.0\.0\.1:(\d+)/);
    const { port } = new URL(await server.url());
    assertEquals((await fetchRaw(Number(port), "/hello")).status, 200);
    using kept = await Wire.open(Number(admin));
    const health = async () => {
      await kept.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
      const { status, body } = await response(kept);
      return [status, body];
    };
    assertEquals(await health(), [200, "ok\n"]);
    const wires: Wire[] = [];
    // As many as the system takes; those that the process cannot accept wait in the backlog.
    while (wires.length < FILES + 40) wires.push(await Wire.open(Number(port)));
    await noted(/cannot accept connections: the process has too many open files/);
    assertEquals(await health(), [503, "not accepting connections\n"]);
    for (const wire of wires) wire.close();
    await noted(/does not accept connections: listening on it anew/);
    await noted(/accepts connections again/);
    assertEquals((await fetchRaw(Number(port), "/hello")).status, 200);
    assertEquals(await health(), [200, "ok\n"]);
    kept.close();
    server.signal("SIGTERM");
    assertEquals((await server.end()).code, 0);
  },
});

/** A server over a socket that other processes could share. Its answer is the number of times that it asked for one. */
const SHARED = `
import { listen } from "${ROOT}/server/listener.ts";
import { bindSocket } from "${ROOT}/service/util/node_internals.ts";
import { answerText } from "${ROOT}/tests/server/wire.ts";
Deno.addSignalListener("SIGTERM", () => Deno.exit()); // with too few open files Deno cannot begin that later
let asked = 0;
const { port } = await listen({
  hostname: "127.0.0.1",
  port: 0,
  connections: 100000,
  share(address, port) {
    asked++;
    return Promise.resolve(bindSocket(address, port, 4));
  },
  answer: (exchange) => Promise.resolve(answerText(exchange, String(asked))),
  trouble: (message) => console.error(message),
});
console.log(port);`;

Deno.test({
  name:
    "a shared socket is not asked for again where open files ran out, as none could be received",
  ignore: Deno.build.os === "windows",
  async fn() {
    const command = `ulimit -n ${FILES} && exec "$0" eval --no-check "$1"`;
    await using server = new Process("sh", ["-c", command, Deno.execPath(), SHARED]);
    const port = Number(await server.line());
    const wires: Wire[] = [];
    while (wires.length < FILES + 40) wires.push(await Wire.open(port));
    await server.until(/cannot accept connections: the process has too many open files/, "stderr");
    for (const wire of wires) wire.close();
    await server.until(/accepts connections again/, "stderr");
    assertEquals((await fetchRaw(port, "/")).body, "1");
  },
});
