import { connect } from "node:net";
import type { Buffer } from "node:buffer";
import { assertEquals, assertMatch } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { answerText, serving } from "../wire.ts";

Deno.test("a client that sends plain HTTP to a port of HTTPS gets an error that says so, and cannot hold its connection", async () => {
  const authority = await createAuthority();
  const tls = await authority.issue(["localhost", "ip:127.0.0.1"]);
  await using server = await serving((exchange) => answerText(exchange, "no"), { tls });
  // It never closes its own side, and goes on sending: only a reset tells it that the server has closed.
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.on("data", (bytes: Buffer) => text += bytes.toString("latin1"));
  const closed = new Promise<void>((resolve) => {
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
  socket.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const timer = setInterval(() => socket.write("x"), 100);
  await closed;
  clearInterval(timer);
  assertMatch(text, /^HTTP\/1\.1 400 Bad Request\r\n[^]*This port speaks HTTPS/);
  assertEquals(server.troubles, ["A TLS handshake failed: a client has sent plain HTTP"]);
});
