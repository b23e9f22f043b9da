// Measures what a request to a backend costs in processor time, and what bare sockets do:
//
//   deno run -A bench/client.ts
//
// Both send the same bytes over 32 connections to an origin in another process. Of several turns the least counts.
import { Buffer } from "node:buffer";
import { connect, createServer } from "node:net";
import process from "node:process";
import { httpTransport } from "../service/backends/http_transport.ts";
import { EMPTY } from "../service/http/bytes.ts";
import { HeaderList } from "../service/http/headers.ts";
import { DEFAULT_LIMITS } from "../service/limits.ts";

const CONNECTIONS = 32;
const REQUESTS = 10_000;
const TURNS = 8;
const RESPONSE = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!");
const FIELDS = ["Host", "origin.test", "User-Agent", "bench", "Accept", "*/*"];
const REQUEST = "GET /a HTTP/1.1\r\nHost: origin.test\r\nUser-Agent: bench\r\nAccept: */*\r\n" +
  "Connection: keep-alive\r\n\r\n";

if (Deno.args[0] === "origin") {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", () => socket.write(RESPONSE));
  });
  server.listen(0, "127.0.0.1", () => {
    print(`${(server.address() as { port: number }).port}`);
  });
} else await measure();

async function measure(): Promise<void> {
  const origin = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.url, "origin"],
    stdout: "piped",
  }).spawn();
  const { value } = await origin.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  const headers = new HeaderList(FIELDS);
  const transport = httpTransport({ url: `http://127.0.0.1:${port}` });
  const send = async () => {
    const { response } = transport.send({
      method: "GET",
      url: "http://origin.test/a",
      target: "/a",
      headers,
      body: EMPTY,
      limits: DEFAULT_LIMITS,
    });
    if ((await response).status !== 200) throw new Error("The origin failed");
  };
  const clients = Array.from({ length: CONNECTIONS }, () => send);
  print(`The client: ${await least(clients)} us a request`);
  transport.close();
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => bare(port)));
  print(`Bare sockets: ${await least(sockets)} us`);
  origin.kill();
  Deno.exit();
}

/** Opens a socket; resolves to a function that sends the request and waits for the response. */
function bare(port: number): Promise<() => Promise<void>> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let done: (() => void) | undefined;
  socket.on("data", () => done?.());
  const send = () => {
    socket.write(REQUEST, "latin1");
    return new Promise<void>((resolve) => done = resolve);
  };
  return new Promise((resolve) => socket.on("connect", () => resolve(send)));
}

/** Microseconds of processor time that one request takes, in the best turn. */
async function least(senders: readonly (() => Promise<void>)[]): Promise<string> {
  let best = Infinity;
  for (let turn = 0; turn < TURNS; turn++) {
    const before = process.cpuUsage();
    let left = REQUESTS;
    await Promise.all(senders.map(async (send) => {
      while (left-- > 0) await send();
    }));
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / REQUESTS);
  }
  return best.toFixed(1);
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
