import { type AddressInfo, createServer, type Socket } from "node:net";
import { assemble } from "../../cli/wat.ts";
import { assertEquals } from "../assert.ts";
import { OK, rawOrigin } from "../service/backends/origins.ts";
import { Wire } from "../server/wire.ts";
import { exchange } from "./http.ts";
import { serveProgram } from "./serving.ts";

/** A guest that sends its request to the backend `origin`, which the cache may answer for, and hands on the response. */
const FORWARDER = await assemble(
  "forwarder.wat",
  `(module
    (import "fastly_http_req" "body_downstream_get" (func $get (param i32 i32) (result i32)))
    (import "fastly_http_req" "send" (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "fastly_http_resp" "send_downstream" (func $respond (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "origin")
    (func (export "_start")
      (drop (call $get (i32.const 0) (i32.const 4)))
      (if (call $send (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 64) (i32.const 6)
          (i32.const 8) (i32.const 12))
        (then (unreachable)))
      (drop (call $respond (i32.load (i32.const 8)) (i32.load (i32.const 12)) (i32.const 0)))))`,
);

Deno.test("a response that a reset cuts ends badly for the client, and is not cached", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nhello until");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  {
    await using guest = await serveProgram(FORWARDER, { backends: { origin } });
    for (let i = 1; i <= 2; i++) {
      using wire = await Wire.open(guest.port);
      await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await wire.until("hello until");
      assertEquals(sockets.length, i);
      sockets.at(-1)!.resetAndDestroy();
      assertEquals((await wire.rest()).includes("0\r\n\r\n"), false, "the last chunk");
    }
  }
  await new Promise((resolve) => server.close(resolve));
});

const BYTES = "\xc3\xa9|\xe9";
const CHUNKS = "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";

for (
  const [what, fields, body] of [
    ["nothing", "", ""],
    ["content", "Content-Length: 5\r\n", "hello"],
    ["chunks", "Transfer-Encoding: chunked\r\n", CHUNKS],
  ] as const
) {
  Deno.test(`a Trailer field, and any bytes of a field, reach the origin with ${what}`, async () => {
    let message = "";
    const origin = rawOrigin(async (wire) => {
      message = await wire.head();
      if (body) message += await wire.until(body);
      await wire.write(OK);
    });
    {
      await using guest = await serveProgram(FORWARDER, { backends: { origin: origin.url } });
      const { status } = await exchange(
        guest.port,
        `${body ? "POST" : "GET"} / HTTP/1.1\r\nHost: a\r\nTrailer: x-t\r\nX-Bytes: ${BYTES}\r\n` +
          `${fields}\r\n${body}`,
      );
      assertEquals(status, 200);
    }
    await origin.close();
    assertEquals(message.match(/^(Trailer|X-Bytes): .*$/gim)?.toSorted(), [
      "Trailer: x-t",
      `X-Bytes: ${BYTES}`,
    ]);
    assertEquals(message.endsWith(`\r\n\r\n${body}`), true);
  });
}
