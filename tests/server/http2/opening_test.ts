import { Buffer } from "node:buffer";
import { Http2Opening } from "../../../server/http2/opening.ts";
import type { Exchange } from "../../../service/http/exchange.ts";
import { assertEquals } from "../../assert.ts";
import { answerText, serving } from "../wire.ts";
import { frame, H2C, number, PREFACE, RawConnection, request, settings, TYPE } from "./frames.ts";

/** As Firefox opened connections when it had priorities. */
const OPENING = Buffer.concat([
  Buffer.from(PREFACE),
  settings([1, 65536], [4, 131072], [5, 16384]),
  frame(TYPE.window, 0, 0, number(12517377)),
  frame(TYPE.priority, 0, 3, Buffer.concat([number(0), Buffer.from([200])])),
  frame(TYPE.priority, 0, 9, Buffer.concat([number(0x80000007), Buffer.from([0])])),
]);
const FINGERPRINT = "1:65536;4:131072;5:16384|12517377|3:0:0:201,9:1:7:1|m,s,a,p";

Deno.test("the fingerprint of HTTP/2 is made of the first frames, however they are cut", async () => {
  const seen: Exchange[] = [];
  await using server = await serving((exchange) => {
    seen.push(exchange);
    answerText(exchange, "ok");
  }, H2C);
  const all = Buffer.concat([OPENING, request(13, "/")]);
  for (const size of [all.length, 30, 1]) {
    using raw = await RawConnection.open(server.port, new Uint8Array());
    await raw.sendInPieces(all, size, async () => {
      if (size > 1) await new Promise((resolve) => setTimeout(resolve, 1));
    });
    await raw.find(({ type }) => type === TYPE.data);
    assertEquals(seen.at(-1)!.client.h2Fingerprint, FINGERPRINT);
    // Later frames change nothing.
    await raw.send(settings([3, 7]), frame(TYPE.window, 0, 0, number(5)), request(15, "/"));
    await raw.find(({ type, stream }) => type === TYPE.data && stream === 15);
    assertEquals(seen.at(-1)!.client.h2Fingerprint, FINGERPRINT);
  }
});

Deno.test("the fingerprint marks the fields that a client does not send", () => {
  const opening = new Http2Opening();
  const fields = [":method", "GET", ":path", "/", ":scheme", "http", ":authority", "a", "x", ":y"];
  opening.add(Buffer.concat([Buffer.from(PREFACE), settings()]));
  assertEquals(opening.fingerprint(fields), "|00|0|m,p,s,a");
});

Deno.test("no more than 16 KiB ahead of the first request are looked at", () => {
  const opening = new Http2Opening();
  opening.add(Buffer.concat([Buffer.from(PREFACE), settings([3, 100])]));
  let bytes = 0;
  while (opening.add(frame(TYPE.ping, 0, 0, Buffer.alloc(8)))) bytes += 17;
  assertEquals(Math.floor(bytes / 1024), 15);
  opening.add(settings([4, 5]));
  assertEquals(opening.fingerprint([]), "3:100|00|0|");
});
