import { Buffer } from "node:buffer";
import type { Payload } from "../../../service/http/bytes.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { assertEquals } from "../../assert.ts";
import { frameOrigin, frames } from "./http2_origins.ts";
import { against, rawOrigin, request, sourceFrom, textOf, type Wire } from "./origins.ts";

/** A character in UTF-8, two bytes that are none, and the byte after DEL. */
const BYTES = "\xc3\xa9|\xe9\xff\x80";

/** Names that Huffman's code of HPACK would make longer: they stand in a frame as they are. */
const [PLAIN_NAME, PLAIN_TRAILER] = ["~#^", "~#$"] as const;

/** Bodies of a request, by name. */
const BODIES: Record<string, () => Payload> = {
  "no body": () => new Uint8Array(),
  "a whole body": () => new TextEncoder().encode("body"),
  "a streamed body with trailers": () =>
    sourceFrom(async function* () {
      yield "body";
      return new HeaderList(["X-Trailer", BYTES, PLAIN_TRAILER, BYTES]);
    }()),
};

for (const [what, body] of Object.entries(BODIES)) {
  for (const method of ["POST", "PURGE"]) {
    Deno.test(`field values of a ${method} with ${what} go out byte for byte`, async () => {
      let message = "";
      await against(async (wire) => {
        message = await wire.head();
        if (message.includes("chunked")) message += await wire.until("0\r\n") + await wire.head();
        await wire.write("HTTP/1.1 204 No Content\r\n\r\n");
      }, async (transport) => {
        await transport.send(request({ method, headers: ["X-Bytes", BYTES], body: body() }))
          .response;
      });
      assertEquals(/X-Bytes: (.*)\r\n/.exec(message)?.[1], BYTES);
      if (what.includes("trailers")) assertEquals(/X-Trailer: (.*)\r\n/.exec(message)?.[1], BYTES);
    });

    Deno.test(`field values of a ${method} with ${what} go out byte for byte in HTTP/2`, async () => {
      const received = await overHttp2(async (wire) => {
        await wire.until(PLAIN_NAME);
        const values = [await take(wire)];
        if (!what.includes("trailers")) return values;
        await wire.until(PLAIN_TRAILER);
        return [...values, await take(wire)];
      }, request({ method, headers: [PLAIN_NAME, BYTES], body: body() }));
      assertEquals(received, what.includes("trailers") ? [BYTES, BYTES] : [BYTES]);
    });
  }
}

/** The text of HPACK that comes next: its length, less than 127, and its bytes as they are. */
async function take(wire: Wire): Promise<string> {
  return (await wire.exactly(1 + BYTES.length)).slice(1);
}

/** Sends the request to an origin in HTTP/2 that answers when `look` has resolved. */
async function overHttp2<T>(
  look: (wire: Wire) => Promise<T>,
  sent: ReturnType<typeof request>,
): Promise<T> {
  const looked = Promise.withResolvers<T>();
  const origin = rawOrigin(async (wire) => {
    await wire.write(text(frames.settings));
    looked.resolve(await look(wire));
    await wire.write(text(frames.head(1, {}, true)));
    await wire.rest();
  });
  const transport = httpTransport({ url: origin.url, grpc: true });
  await transport.send(sent).response;
  transport.close();
  await origin.close();
  return await looked.promise;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

for (const pieces of ["at once", "piece by piece"]) {
  Deno.test(`field values of a response that comes ${pieces} are the bytes that came`, async () => {
    const parts = [
      `HTTP/1.1 200 OK\r\nX-Bytes: ${BYTES}\r\nTransfer-Encoding: chunked\r\n\r\n`,
      "2\r\nok\r\n",
      `0\r\nX-Trailer: ${BYTES}\r\n\r\n`,
    ];
    const more = Promise.withResolvers<void>();
    await against(async (wire) => {
      await wire.head();
      if (pieces === "at once") return wire.write(parts.join(""));
      await wire.write(parts[0]!);
      await more.promise;
      for (const part of parts.slice(1)) await wire.write(part);
    }, async (transport) => {
      const response = await transport.send(request()).response;
      more.resolve();
      assertEquals(response.headers.get("x-bytes"), BYTES);
      assertEquals(await textOf(response), "ok");
      const { body } = response;
      assertEquals("trailers" in body && body.trailers?.get("x-trailer"), BYTES);
    });
  });
}

Deno.test("field values of a response in HTTP/2 are the bytes that came", async () => {
  const origin = frameOrigin(async (wire) => {
    await wire.write(
      frames.head(await wire.request(), { "x-bytes": BYTES }),
      frames.data(1, "ok"),
      frames.trailers(1, { "x-trailer": BYTES }),
    );
    await wire.closed;
  });
  const transport = httpTransport({ url: origin.url, grpc: true });
  const response = await transport.send(request()).response;
  assertEquals(response.headers.get("x-bytes"), BYTES);
  assertEquals(await textOf(response), "ok");
  assertEquals("trailers" in response.body && response.body.trailers?.get("x-trailer"), BYTES);
  transport.close();
  await origin.close();
});
