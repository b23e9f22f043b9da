// Shows that a write of no bytes fails on a TLS socket of Deno's node:tls, and not on one of node:net:
//
//   deno run -A bench/empty_write.ts
import { connect, createServer, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { createAuthority } from "../tests/certificates.ts";

const authority = await createAuthority();
const identity = await authority.issue(["ip:127.0.0.1"]);

/** Writes no bytes, then some; returns what the callback of each write gets. */
async function outcome(socket: Socket): Promise<string> {
  const write = (bytes: Uint8Array) =>
    new Promise<string>((resolve) => {
      socket.on("error", (error) => resolve(`error: ${error.message}`));
      socket.write(bytes, (error) => resolve(error ? `failed: ${error.message}` : "written"));
    });
  const outcomes = [await write(new Uint8Array()), await write(Uint8Array.of(1))];
  socket.destroy();
  return outcomes.join(", then ");
}

function say(name: string, text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${name}: ${text}\n`));
}

const plain = createServer((socket) => socket.on("error", () => {}).resume());
plain.listen(0, "127.0.0.1", () => {
  const { port } = plain.address() as { port: number };
  const socket = connect(port, "127.0.0.1", async () => {
    say("node:net", await outcome(socket));
    plain.close();
  });
});
const secure = createTlsServer(identity, (socket) => socket.on("error", () => {}).resume());
secure.listen(0, "127.0.0.1", () => {
  const { port } = secure.address() as { port: number };
  const socket = connectTls({ port, host: "127.0.0.1", ca: authority.ca }, async () => {
    say("node:tls", await outcome(socket as unknown as Socket));
    secure.close();
  });
});
