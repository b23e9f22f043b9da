import { Buffer } from "node:buffer";
import { FirstBytesError } from "../../server/first_bytes.ts";
import { findProxyHeader } from "../../server/proxy_header.ts";
import type { Exchange } from "../../service/http/exchange.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../assert.ts";
import { createAuthority } from "../certificates.ts";
import { withFiles } from "../cli/commands.ts";
import { answerText, serving, Wire } from "./wire.ts";
import { curl } from "../curl.ts";
import { AHEAD, H2C } from "./http2/frames.ts";

/** A header in version 2. */
function binary(command: number, family: number, data: Buffer): Buffer {
  const head = Buffer.from("\r\n\r\n\0\r\nQUIT\n\0\0\0\0", "latin1");
  head[12] = 0x20 | command;
  head[13] = family;
  head.writeUInt16BE(data.length, 14);
  return Buffer.concat([head, data]);
}

const IPV4 = Buffer.from([192, 0, 2, 7, 198, 51, 100, 1, 0x30, 0x39, 0x01, 0xbb]);
const IPV6 = Buffer.concat([
  Buffer.from("20010db8000000000000000000000007", "hex"),
  Buffer.from("20010db8000000000000000000000001", "hex"),
  Buffer.from([0x30, 0x39, 0x01, 0xbb]),
]);
const V4 = { address: "192.0.2.7", port: 12345, serverAddress: "198.51.100.1", serverPort: 443 };
const V6 = { address: "2001:db8::7", port: 12345, serverAddress: "2001:db8::1", serverPort: 443 };
const LINE = "PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\n";

const HEADERS: [name: string, header: Buffer, addresses: typeof V4 | undefined][] = [
  ["version 1 over IPv4", Buffer.from(LINE), V4],
  ["version 1 over IPv6", Buffer.from("PROXY TCP6 2001:db8::7 2001:db8::1 12345 443\r\n"), V6],
  ["version 1 of an unknown client", Buffer.from("PROXY UNKNOWN\r\n"), undefined],
  [
    "version 1 of an unknown client with more",
    Buffer.from("PROXY UNKNOWN ::1 ::1 1 1\r\n"),
    undefined,
  ],
  ["version 2 over IPv4", binary(1, 0x11, IPV4), V4],
  ["version 2 over IPv6", binary(1, 0x21, IPV6), V6],
  [
    "version 2 with additions",
    binary(1, 0x11, Buffer.concat([IPV4, Buffer.from([4, 0, 1, 0])])),
    V4,
  ],
  ["version 2 of the proxy itself", binary(0, 0, Buffer.alloc(0)), undefined],
  ["version 2 over a Unix socket", binary(1, 0x31, Buffer.alloc(216)), undefined],
];

for (const [name, header, addresses] of HEADERS) {
  Deno.test(`the header of ${name} is found however it is cut, and no byte behind it`, () => {
    const bytes = Buffer.concat([header, Buffer.from("GET /")]);
    for (let end = 1; end < header.length; end++) {
      assertEquals(findProxyHeader(bytes.subarray(0, end)), undefined, String(end));
    }
    for (let end = header.length; end <= bytes.length; end++) {
      const found = findProxyHeader(bytes.subarray(0, end));
      assertEquals(found, { value: addresses, taken: header.length });
    }
  });
}

Deno.test("bytes that are no header of the PROXY protocol are refused", () => {
  const wrong: (string | Buffer)[] = [
    "GET / HTTP/1.1\r\n",
    "PROXX",
    "PROXY TCP4 192.0.2.7 198.51.100.1 12345\r\n",
    "PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 99999 443\r\n",
    "PROXY TCP4 192.0.2.300 198.51.100.1 1 443\r\n",
    `PROXY TCP4 ${" ".repeat(200)}`,
    binary(2, 0x11, IPV4),
    binary(1, 0x11, IPV4.subarray(0, 8)),
    binary(1, 0x11, Buffer.alloc(5000)),
  ];
  for (const bytes of wrong) {
    assertThrows(() => findProxyHeader(Buffer.from(bytes as string)), FirstBytesError);
  }
});

Deno.test("a trusted proxy's header names the client, in clear, ahead of TLS and ahead of HTTP/2", async () => {
  const authority = await createAuthority();
  const identity = await authority.issue(["localhost", "ip:127.0.0.1"]);
  const cases = [[{}, "http", "--http1.1"], [H2C, "http", AHEAD]];
  const secure = [[{ tls: identity }, "https", "--http1.1"], [
    { tls: identity },
    "https",
    "--http2",
  ]];
  for (const [options, scheme, version] of [...cases, ...secure] as [object, string, string][]) {
    let seen: Exchange | undefined;
    await using server = await serving((exchange) => answerText(seen = exchange, "ok"), {
      ...options,
      proxyProtocol: ["loopback"],
    });
    await withFiles({ "ca.pem": authority.ca }, async (folder) => {
      const url = `${scheme}://127.0.0.1:${server.port}/`;
      const args = ["--haproxy-protocol", version, "--cacert", `${folder}/ca.pem`];
      assertEquals((await curl(...args, url)).stdout, "ok");
      const { port, serverPort } = seen!.client;
      assert(port > 0 && serverPort === server.port);
    });
    if (scheme === "https") continue;
    using wire = await Wire.open(server.port);
    for (const char of LINE) await wire.send(char);
    await wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await wire.until("ok");
    const { address, port, serverAddress, serverPort } = seen!.client;
    assertEquals({ address, port, serverAddress, serverPort }, V4);
  }
});

Deno.test("a trusted proxy has to send a header, and another peer's is no request", async () => {
  await using trusting = await serving((exchange) => answerText(exchange, "ok"), {
    proxyProtocol: ["loopback"],
  });
  using without = await Wire.open(trusting.port);
  await without.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(await without.rest(), "");
  assertEquals(trusting.troubles, [
    "A connection of the proxy 127.0.0.1 was closed: it does not begin with a header of the PROXY protocol",
  ]);
  await using other = await serving((exchange) => answerText(exchange, "ok"), {
    proxyProtocol: ["192.0.2.0/24"],
  });
  using wire = await Wire.open(other.port);
  await wire.send(LINE);
  assertMatch(await wire.rest(), /^HTTP\/1\.1 400 /);
});
