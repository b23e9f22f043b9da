import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { assertEquals } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { answerText, serving } from "../wire.ts";
import { curl } from "../../curl.ts";
import { withFiles } from "../../cli/commands.ts";

Deno.test("clients that leave at any byte of a handshake, or right behind it, leave nothing open", async () => {
  const authority = await createAuthority();
  const tls = await authority.issue(["localhost", "ip:127.0.0.1"]);
  await using server = await serving((exchange) => answerText(exchange, "ok"), { tls });
  const hello = await helloOf(server.port, authority.ca);
  for (let end = 0; end <= hello.length; end += end < 10 ? 1 : 100) {
    await new Promise<void>((resolve) => {
      const socket = connect(server.port, "127.0.0.1", () => {
        if (end) socket.write(hello.subarray(0, end), () => socket.destroy());
        else socket.destroy();
      });
      socket.on("error", () => {}).on("close", () => resolve());
    });
  }
  for (const protocol of ["h2", "http/1.1"]) {
    await new Promise<void>((resolve) => {
      const options = { host: "127.0.0.1", port: server.port, ca: authority.ca };
      const socket = connectTls({ ...options, ALPNProtocols: [protocol] }, () => socket.destroy());
      socket.on("error", () => {}).on("close", () => resolve());
    });
  }
  await withFiles({ "ca.pem": authority.ca }, async (folder) => {
    const url = `https://127.0.0.1:${server.port}/`;
    assertEquals((await curl("--cacert", `${folder}/ca.pem`, url)).stdout, "ok");
  });
  await server.drain(60_000);
  assertEquals(server.connections(), 0);
  const told = server.troubles.filter((line) => !/left before|handshake failed/.test(line));
  assertEquals(told, []);
});

/** The first bytes that a TLS client sends. */
async function helloOf(port: number, ca: string): Promise<Uint8Array> {
  const { createServer } = await import("node:net");
  const found = Promise.withResolvers<Uint8Array>();
  const tap = createServer((socket) => {
    socket.on("data", (bytes) => {
      found.resolve(bytes as Uint8Array);
      socket.destroy();
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => tap.listen(0, "127.0.0.1", resolve));
  const { port: at } = tap.address() as { port: number };
  const client = connectTls({ host: "127.0.0.1", port: at, ca, servername: `p${port}.test` });
  client.on("error", () => {});
  const hello = await found.promise;
  client.destroy();
  tap.close();
  return hello;
}
