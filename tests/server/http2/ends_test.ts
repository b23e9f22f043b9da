import * as http2 from "node:http2";
import { assertEquals } from "../../assert.ts";
import { ROOT } from "../../cli/commands.ts";
import { CliServer } from "../../process.ts";

const CONNECTIONS = 20;
const REQUESTS = 100;

/** Sends requests over a connection one after another, and says GOAWAY; returns how many were answered with 200. */
function exchange(origin: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const client = http2.connect(origin);
  let answered = 0;
  client.on("error", () => {});
  client.on("close", () => resolve(answered));
  const next = () => {
    if (client.destroyed || client.closed) return;
    const stream = client.request({ ":path": "/hello" });
    stream.on("response", (head) => answered += Number(head[":status"] === 200));
    stream.on("error", () => {});
    stream.on("close", () => answered < REQUESTS ? next() : client.close());
    stream.resume();
    stream.end();
  };
  next();
  return promise;
}

Deno.test("clients that say GOAWAY at the end of their connections do not end the process", async () => {
  // Without the delay of a session's end about two of three processes crash: see bench/http2_end.ts.
  for (let process = 0; process < 4; process++) {
    await using server = await CliServer.start(["--h2c", `${ROOT}/testdata/built/rust.wasm`]);
    const all = Array.from({ length: CONNECTIONS }, () => exchange(server.url));
    const answered = await Promise.all(all);
    assertEquals((await server.ask("/hello")).status, 200);
    assertEquals(answered, Array(CONNECTIONS).fill(REQUESTS));
    server.cli.signal("SIGTERM");
    assertEquals((await server.cli.end()).code, 0);
  }
});
