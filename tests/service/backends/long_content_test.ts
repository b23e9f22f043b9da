import { Buffer } from "node:buffer";
import { listen } from "../../../server/mod.ts";
import { ChunkQueue } from "../../../service/http/chunk_queue.ts";
import { cutAt } from "../../../service/http/measured_source.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { WatchedBody } from "../../../service/http/watched_body.ts";
import { assert, assertEquals } from "../../assert.ts";
import { against, request, sourceOf, type Wire } from "./origins.ts";

const MIB = 2 ** 20;
const LENGTH = 24 * MIB + 12_345;
/** Length of the pattern that the content repeats: a prime, so that no two buffers have the same bytes. */
const PERIOD = 251 * 241;

/** Content whose bytes tell their place. */
const PATTERN = Uint8Array.from({ length: PERIOD }, (_, i) => (i ^ (i >> 8) * 31) & 0xff);

/** Text of the content between two places, a character for each byte. */
function contentAt(from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let at = 0; at < bytes.length;) {
    const piece = PATTERN.subarray((from + at) % PERIOD).subarray(0, bytes.length - at);
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function textAt(from: number, to: number): string {
  return Buffer.from(contentAt(from, to)).toString("latin1");
}

/** Sends the content in writes of a size that fits no buffer. */
async function sendAll(wire: Wire, write: (text: string) => string = (text) => text) {
  for (let at = 0; at < LENGTH; at += 99_991) {
    await wire.write(write(textAt(at, Math.min(LENGTH, at + 99_991))));
  }
}

const ORIGINS: Record<string, (wire: Wire) => Promise<void>> = {
  "with a length": async (wire) => {
    await wire.head();
    await wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LENGTH}\r\n\r\n`);
    await sendAll(wire);
  },
  "in chunks": async (wire) => {
    await wire.head();
    await wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    await sendAll(wire, (text) => {
      const at = text.length >> 2;
      return [text.slice(0, at), text.slice(at)]
        .map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("");
    });
    await wire.write("0\r\n\r\n");
  },
  "that ends with the connection": async (wire) => {
    await wire.head();
    await wire.write("HTTP/1.1 200 OK\r\n\r\n");
    await sendAll(wire);
  },
};

for (const [what, origin] of Object.entries(ORIGINS)) {
  for (const givesBack of [true, false]) {
    const reader = givesBack ? "gives its memory back" : "keeps all of it";
    Deno.test(`long content ${what} is whole for a reader that ${reader}`, async () => {
      await against(origin, async (transport) => {
        const body = sourceOf(await transport.send(request()).response);
        const held: { piece: Uint8Array; at: number }[] = [];
        const check = ({ piece, at }: typeof held[0]) => {
          const same = Buffer.compare(piece, contentAt(at, at + piece.length)) === 0;
          assert(same, `the piece at ${at} is another`);
        };
        const memory = new Set<ArrayBufferLike>();
        let at = 0;
        for (let piece; (piece = await body.read());) {
          held.push({ piece, at });
          at += piece.length;
          if (piece.length > 64 * 1024) memory.add(piece.buffer);
          if (!givesBack || held.length < 4) continue;
          const first = held.shift()!;
          check(first);
          body.recycle!(first.piece);
        }
        held.forEach(check);
        assertEquals(at, LENGTH);
        if (givesBack) assert(memory.size < 30, `${memory.size} buffers were used`);
      });
    });
  }
}

Deno.test("long content is handed on to a client whole, in memory that is used again", async () => {
  await against(ORIGINS["with a length"]!, async (transport) => {
    const memory = new Set<ArrayBufferLike>();
    let given = 0;
    const listener = await listen({
      hostname: "127.0.0.1",
      port: 0,
      async answer(exchange) {
        const body = sourceOf(await transport.send(request()).response);
        const queue = new ChunkQueue(); // as a guest's body
        const { recycle } = body;
        body.recycle = (piece) => {
          given++;
          recycle!.call(body, piece);
        };
        queue.push(body);
        const measured = cutAt(queue, LENGTH);
        if (measured instanceof Uint8Array) throw new Error("It has arrived whole");
        const watched = new WatchedBody(measured, {
          reading() {},
          given() {},
          ended() {},
        });
        const headers = new HeaderList(["Content-Length", String(LENGTH)]);
        exchange.respond({ status: 200, headers }, {
          get length() {
            return watched.length;
          },
          trailers: undefined,
          async read() {
            const piece = await watched.read();
            if (piece && piece.length > 64 * 1024) memory.add(piece.buffer);
            return piece;
          },
          cancel: (reason) => watched.cancel(reason),
          recycle: (piece) => watched.recycle(piece),
        });
      },
    });
    const response = await fetch(listener.url);
    let at = 0;
    for await (const piece of response.body!) {
      const same = Buffer.compare(piece, contentAt(at, at + piece.length)) === 0;
      assert(same, `the piece at ${at} is another`);
      at += piece.length;
    }
    assertEquals(at, LENGTH);
    assert(given > 20, `${given} pieces were given back`);
    assert(memory.size < 30, `${memory.size} buffers were used`);
    listener.close();
  });
});

for (const framing of ["a length", "chunks"]) {
  Deno.test(`short content with ${framing} stays as it is when its connection is read again`, async () => {
    let count = 0;
    await against(async (wire) => {
      while (await wire.head()) {
        const content = `content ${count++}`;
        await wire.write(
          framing === "chunks"
            ? `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n${content}\r\n0\r\n\r\n`
            : `HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n${content}`,
        );
      }
    }, async (transport, origin) => {
      const pieces: Uint8Array[] = [];
      for (let i = 0; i < 5; i++) {
        const { body } = await transport.send(request()).response;
        pieces.push(body instanceof Uint8Array ? body : (await body.read())!);
      }
      assertEquals(
        pieces.map((piece) => new TextDecoder().decode(piece)),
        [0, 1, 2, 3, 4].map((index) => `content ${index}`),
      );
      assertEquals(origin.connections(), 1);
    });
  });
}
