// Serves requests of every kind, good and bad, and closes everything. It ends by itself if nothing is left: no timer, no
// socket, no thread.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { listen } from "../../server/listener.ts";
import { Fastlike } from "../../mod.ts";
import { guestUrl } from "./serving.ts";

const PATHS = ["/hello", "/proxy/cached", "/proxy/fresh", "/stream", "/trap", "/exit", "/log"];
const ROUNDS = 20;

const origin = createServer((request, response) => {
  response.setHeader("cache-control", request.url!.endsWith("/fresh") ? "no-store" : "max-age=1");
  response.end("from the origin");
}).listen(0, "127.0.0.1");
await new Promise((resolve) => origin.once("listening", resolve));
const { port } = origin.address() as AddressInfo;
const app = await Fastlike.load(guestUrl("rust"), {
  catchAll: {
    url: `http://127.0.0.1:${port}`,
    timeouts: { firstByte: 5_000, betweenBytes: 5_000 },
  },
  limits: { cpu_time: "5s", wall_time: "20s" },
});
const listener = await listen({
  hostname: "127.0.0.1",
  port: 0,
  answer: (exchange) => app.answer(exchange),
});
const client = Deno.createHttpClient({});
for (let round = 0; round < ROUNDS; round++) {
  await Promise.all(PATHS.map(async (path) => {
    const response = await fetch(listener.url + path, { client });
    await response.arrayBuffer();
  }));
  await fetch(`${listener.url}/sleep?ms=1000`, { client, signal: AbortSignal.timeout(1) })
    .then((response) => response.arrayBuffer()).catch(() => {});
}
client.close();
await listener.drain(1_000);
await app[Symbol.asyncDispose]();
origin.close();
origin.closeAllConnections();
