import { Readable } from "node:stream";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { checkNodeInternals, stopReadsWhilePaused } from "../../../service/util/node_internals.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";

const HTTP2 = "HTTP/2 to backends";

Deno.test("this version of Deno has the internals that the host relies on", () => {
  checkNodeInternals("engine");
  checkNodeInternals(HTTP2);
});

Deno.test("a platform without an internal is refused with the internal's name and purpose", () => {
  const platform = {
    Readable,
    streamStateIdle: 1,
    Worker,
  };
  checkNodeInternals("engine", platform);
  checkNodeInternals(HTTP2, platform);
  const lacking = [
    { part: HTTP2, parts: { streamStateIdle: undefined }, name: "the state IDLE of node:http2" },
    { part: "engine", parts: { Worker: class {} }, name: "unrefs a Worker" },
  ] as const;
  for (const { part, parts, name } of lacking) {
    const without = { ...platform, ...parts };
    assertThrows(() => checkNodeInternals(part, without), Error, name);
    assertThrows(() => checkNodeInternals(part, without), Error, "use 2.9.6: it lacks");
  }
  checkNodeInternals("engine", { ...platform, Worker: undefined });
});

Deno.test("a process ends while a thread runs that was let go of", async () => {
  const module = new URL("../../../service/util/node_internals.ts", import.meta.url);
  const source = "data:text/javascript,setInterval(() => {}, 1000)";
  const script = `import { unrefWorker } from "${module}";
unrefWorker(new Worker("${source}", { type: "module" }));`;
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  assertEquals(code, 0);
});

const PIECE = new Uint8Array(2 ** 20);
const PIECES = 64;

/** Both ends of a TLS connection; the accepted socket is handed to TLS as the server of the host does it. */
async function tlsPair(): Promise<{ client: TLSSocket; server: TLSSocket; close(): void }> {
  const identity = await (await createAuthority()).issue(["localhost"]);
  const secure = createServer(identity);
  const plain = createTcpServer((socket: Socket) => secure.emit("connection", socket));
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
  const { port } = plain.address() as AddressInfo;
  const accepted = new Promise<TLSSocket>((resolve) => secure.once("secureConnection", resolve));
  const client = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  client.on("error", () => {});
  return {
    client,
    server: await accepted,
    close() {
      client.destroy();
      plain.close();
    },
  };
}

for (const role of ["client", "server"] as const) {
  Deno.test(`a TLS socket of a ${role} that is paused takes no more than buffers hold, and loses nothing`, async () => {
    const pair = await tlsPair();
    const [reader, writer] = role === "client"
      ? [pair.client, pair.server]
      : [pair.server, pair.client];
    try {
      stopReadsWhilePaused(reader);
      let received = 0;
      const ended = new Promise<void>((resolve) => reader.on("end", resolve));
      const paused = new Promise<void>((resolve) =>
        reader.on("data", ({ length }: Uint8Array) => {
          if (!received) resolve(void reader.pause());
          received += length;
        })
      );
      let taken = 0;
      const send = async () => {
        for (; taken < PIECES; taken++) {
          await new Promise<void>((resolve) => writer.write(PIECE, () => resolve()));
        }
        writer.end();
      };
      void send();
      await paused;
      for (let before = -1; before !== taken;) {
        before = taken;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      assert(taken < PIECES / 2, `${taken} MiB were taken`);
      reader.resume();
      await ended;
      assertEquals(received, PIECES * PIECE.length);
    } finally {
      pair.close();
    }
  });
}
