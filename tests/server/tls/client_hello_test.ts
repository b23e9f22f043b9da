import { Buffer } from "node:buffer";
import { duplexPair } from "node:stream";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { FirstBytesError, readFirst } from "../../../server/first_bytes.ts";
import { findClientHello, MAX_HELLO, parseClientHello } from "../../../server/tls/client_hello.ts";
import { ja3Of, ja4Of } from "../../../server/tls/fingerprints.ts";

const BOUNDS = { bytes: MAX_HELLO, millis: 60_000 };

function number(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

function vector(size: number, ...parts: Uint8Array[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([number(bytes.length, size), bytes]);
}

function shorts(...values: number[]): Buffer {
  return Buffer.concat(values.map((value) => number(value, 2)));
}

/** A ClientHello of two ciphers and GREASE, with extensions. */
function message(extensions: readonly (readonly [type: number, data: Uint8Array])[]): Buffer {
  const body = Buffer.concat([
    shorts(0x0303),
    Buffer.alloc(32, 7),
    vector(1, Buffer.alloc(32, 1)),
    vector(2, shorts(0x3a3a, 0x1302, 0x1301)),
    vector(1, Buffer.from([0])),
    vector(2, ...extensions.map(([type, data]) => Buffer.concat([shorts(type), vector(2, data)]))),
  ]);
  return Buffer.concat([Buffer.from([1]), vector(3, body)]);
}

const EXTENSIONS: [number, Buffer][] = [
  [0x0a0a, Buffer.alloc(0)],
  [0, vector(2, Buffer.from([0]), vector(2, Buffer.from("a.test")))],
  [43, vector(1, shorts(0x1a1a, 0x0304, 0x0303))],
  [10, vector(2, shorts(0x2a2a, 29, 23))],
  [11, vector(1, Buffer.from([0]))],
  [16, vector(2, vector(1, Buffer.from("h2")), vector(1, Buffer.from("http/1.1")))],
  [13, vector(2, shorts(0x0403, 0x0804))],
];
const MESSAGE = message(EXTENSIONS);

/** Records of up to `size` bytes of the message each. */
function records(bytes: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    parts.push(Buffer.from([22, 3, 1]), vector(2, bytes.subarray(at, at + size)));
  }
  return Buffer.concat(parts);
}

Deno.test("a ClientHello is found in one piece and byte by byte, in one record and in several, and its bytes stay", async () => {
  for (const size of [MESSAGE.length, 100, 5]) {
    const wire = Buffer.concat([records(MESSAGE, size), Buffer.from("after")]);
    for (const pieces of [[wire], Array.from(wire, (_, at) => wire.subarray(at, at + 1))]) {
      const [client, server] = duplexPair();
      const found = readFirst(server, findClientHello, BOUNDS);
      for (const piece of pieces) {
        client.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      client.end();
      assertEquals(await found, MESSAGE);
      let left: Buffer = Buffer.alloc(0);
      for await (const chunk of server) left = Buffer.concat([left, chunk as Buffer]);
      assertEquals(left, wire);
    }
  }
});

Deno.test("bytes that are no ClientHello are refused at once, and never collected without bound", async () => {
  const bad: [string, Buffer][] = [
    ["another content type", Buffer.from([23])],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0])],
    ["another handshake message", records(Buffer.from([2, 0, 0, 1, 0]), 5)],
    ["a message that is too long", records(Buffer.from([1, 255, 0, 0]), 4)],
    [
      "a record per byte",
      records(Buffer.concat([Buffer.from([1, 0, 200, 0]), Buffer.alloc(80)]), 1),
    ],
  ];
  for (const [what, bytes] of bad) {
    const [client, server] = duplexPair();
    client.write(bytes);
    const found = readFirst(server, findClientHello, BOUNDS);
    assert(await found.catch((error) => error) instanceof FirstBytesError, what);
  }
  const [client, server] = duplexPair();
  client.write(records(Buffer.concat([Buffer.from([1, 0, 255, 0]), Buffer.alloc(2000)]), 5000));
  await assertRejects(
    () => readFirst(server, findClientHello, { bytes: 1000, millis: 60_000 }),
    FirstBytesError,
    "more than 1000 bytes",
  );
});

Deno.test("a ClientHello that does not come, or not wholly, is waited for only so long", async () => {
  for (const [sent, begun] of [[Buffer.alloc(0), false], [Buffer.from([22]), true]] as const) {
    const [client, server] = duplexPair();
    if (sent.length) client.write(sent);
    const bounds = { bytes: 1000, millis: 20 };
    const error = await assertRejects(
      () => readFirst(server, findClientHello, bounds),
      FirstBytesError,
    );
    assertEquals(error.begun, begun);
  }
  const [client, server] = duplexPair();
  const found = readFirst(server, findClientHello, BOUNDS);
  client.end(Buffer.from([22, 3]));
  await assertRejects(() => found, FirstBytesError, "the client has left");
});

Deno.test("fingerprints leave out GREASE, and are those of the texts that their authors define", () => {
  const hello = parseClientHello(MESSAGE)!;
  // md5("771,4866-4865,0-43-10-11-16-13,29-23,0")
  assertEquals(ja3Of(hello), "5773bee6c7eba384960bc474afb21966");
  // sha256("1301,1302"), sha256("000a,000b,000d,002b_0403,0804")
  assertEquals(ja4Of(hello), "t13d0206h2_62ed6f6ca7ad_fb71836bce29");
});

Deno.test("the JA4 fingerprint marks the parts that a ClientHello lacks", () => {
  assertEquals(
    ja4Of(parseClientHello(message([]))!),
    "t12i020000_62ed6f6ca7ad_000000000000",
  );
  const odd = message([[16, vector(2, vector(1, Buffer.from([0xab, 0x2d])))]]);
  assert(ja4Of(parseClientHello(odd)!).startsWith("t12i0201ad_"));
  const one = message([[16, vector(2, vector(1, Buffer.from("h")))]]);
  assert(ja4Of(parseClientHello(one)!).startsWith("t12i0201hh_"));
});

Deno.test("a ClientHello whose lists end too early has no fingerprint", () => {
  for (let end = 4; end < MESSAGE.length; end++) {
    const cut = MESSAGE.subarray(0, end);
    const hello = parseClientHello(cut);
    // Before the extensions is a place where it may end.
    assert(hello === undefined || hello.extensions.length === 0, String(end));
  }
});
