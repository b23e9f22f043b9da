// Shows that Deno's node:http2 ends the process when sessions are closed as their clients say GOAWAY, and that it does
// not where a session is closed a turn later, as server/http2/deferred_end.ts has it:
//
//   deno run -A bench/http2_end.ts
//
// Each line is of a server in a process of its own. Whether one crashes depends on addresses, which differ by process.
import * as http2 from "node:http2";
import * as net from "node:net";
import { deferEnd } from "../server/http2/deferred_end.ts";

const RUNS = 6;
const CONNECTIONS = 40;
const REQUESTS = 250;

if (Deno.args[0]) serve(Deno.args[0] === "deferred");
else for (const way of ["at once", "deferred"]) await show(way);

function serve(deferred: boolean): void {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    const session = http2.performServerHandshake(socket);
    if (deferred) deferEnd(session);
    session.on("error", () => {});
    session.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.respond({ ":status": 204 }, { endStream: true });
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as net.AddressInfo;
    Deno.stdout.writeSync(new TextEncoder().encode(`${port}\n`));
  });
}

async function show(way: string): Promise<void> {
  let crashes = 0;
  for (let run = 0; run < RUNS; run++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", import.meta.url, way],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.getReader();
    const port = Number(new TextDecoder().decode((await reader.read()).value));
    await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(port)));
    try {
      child.kill("SIGINT");
    } catch {
      // It has crashed.
    }
    const { signal } = await child.status;
    if (signal === "SIGABRT" || signal === "SIGSEGV") crashes++;
    await reader.cancel();
  }
  const line = `closed ${way}: ${crashes} of ${RUNS} processes crashed\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(line));
}

/** Sends the requests of one connection, and closes it; also where the server is gone. */
function ask(port: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = http2.connect(`http://127.0.0.1:${port}`);
  client.on("error", () => resolve());
  client.on("close", () => resolve());
  let left = REQUESTS;
  const next = () => {
    if (client.destroyed || client.closed || left-- <= 0) return client.close();
    const stream = client.request({ ":path": "/" });
    stream.on("error", () => {});
    stream.on("close", next);
    stream.resume();
    stream.end();
  };
  next();
  return promise;
}
