import { Secret } from "../../handles/secret.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { assertEquals } from "../assert.ts";
import { type Argument, type Bench, bench, BUF, OUT, OUT2, XqdStatus } from "./_bench.ts";
import { replyOf } from "./_origins.ts";

const BACKEND = "fastly_backend";
const REQ = "fastly_http_req";
const { ok, error, inval, none, badf } = XqdStatus;

const options: ServiceOptions = {
  backends: { plain: "http://plain.test", handler: () => new Response("handler") },
};

const BIT = {
  hostOverride: 1 << 1,
  connect: 1 << 2,
  firstByte: 1 << 3,
  betweenBytes: 1 << 4,
  ssl: 1 << 5,
  minVersion: 1 << 6,
  maxVersion: 1 << 7,
  certHost: 1 << 8,
  ca: 1 << 9,
  ciphers: 1 << 10,
  sni: 1 << 11,
  dontPool: 1 << 12,
  clientCert: 1 << 13,
  grpc: 1 << 14,
  keepalive: 1 << 15,
  pooling: 1 << 16,
  ipv4: 1 << 17,
  healthcheck: 1 << 18,
};
const TEXTS = 0x2000;

/** Puts a `dynamic_backend_config` at `BUF`; texts are by the offset of their pointer. */
function config(
  b: Bench,
  words: Record<number, number>,
  texts: Record<number, string> = {},
): number {
  b.fill(BUF, 108);
  for (const [offset, word] of Object.entries(words)) b.memory.setU32(BUF + +offset, word);
  let at = TEXTS;
  for (const [offset, text] of Object.entries(texts)) {
    b.memory.setByteString(at, text);
    b.memory.setU32(BUF + +offset, at);
    b.memory.setU32(BUF + +offset + 4, text.length);
    at += text.length;
  }
  return BUF;
}

const register = (b: Bench, name: string, target: string, mask: number, ptr: Argument = 0) =>
  b.now(REQ, "register_dynamic_backend", name, target, mask, ptr);

Deno.test("a dynamic backend without options needs no record", async () => {
  using b = bench(options);
  assertEquals(register(b, "mine", "origin.test:8080", 0), ok);
  for (
    const [name, answer] of [["exists", 1], ["is_dynamic", 1], ["is_ssl", 0], [
      "is_healthy",
      0,
    ]] as const
  ) {
    assertEquals(await b.got(BACKEND, name, "mine"), answer, name);
  }
  assertEquals((await b.read(BACKEND, "get_host", ["mine"])).text, "origin.test");
  assertEquals(b.now(BACKEND, "get_port", "mine", OUT), ok);
  assertEquals(b.memory.u16(OUT), 8080);
  assertEquals(await b.got(BACKEND, "get_connect_timeout_ms", "mine"), 1000);
  assertEquals(b.now(BACKEND, "get_ssl_min_version", "mine", OUT), none);
});

Deno.test("a dynamic backend has the options of its record that the mask selects", async () => {
  using b = bench(options);
  const ptr = config(b, { 8: 10, 12: 20, 16: 30, 20: 2, 24: 3 }, { 0: "over.test" });
  const mask = BIT.hostOverride | BIT.connect | BIT.firstByte | BIT.betweenBytes | BIT.ssl |
    BIT.minVersion | BIT.maxVersion;
  assertEquals(register(b, "mine", "origin.test", mask, ptr), ok);
  const answers = {
    is_ssl: 1,
    get_connect_timeout_ms: 10,
    get_first_byte_timeout_ms: 20,
    get_between_bytes_timeout_ms: 30,
    get_ssl_min_version: 2,
    get_ssl_max_version: 3,
  };
  for (const [name, answer] of Object.entries(answers)) {
    assertEquals(await b.got(BACKEND, name, "mine"), answer, name);
  }
  assertEquals((await b.read(BACKEND, "get_override_host", ["mine"])).text, "over.test");
  b.now(BACKEND, "get_port", "mine", OUT);
  assertEquals(b.memory.u16(OUT), 443);
  // The same record, whose pointers and numbers are wild, with an empty mask.
  b.fill(BUF, 108);
  assertEquals(register(b, "other", "origin.test", 0, BUF), ok);
  assertEquals(await b.got(BACKEND, "get_connect_timeout_ms", "other"), 1000);
});

Deno.test("a record may end where the older SDKs end it", () => {
  using b = bench(options);
  const at = b.memory.size - 60;
  b.memory.setU32(at + 8, 5);
  assertEquals(register(b, "mine", "origin.test", BIT.connect, at), ok);
  assertEquals(register(b, "other", "origin.test", BIT.keepalive, at), inval);
  const shorter = b.memory.size - 104;
  assertEquals(register(b, "pooled", "origin.test", BIT.pooling, shorter), ok);
  assertEquals(register(b, "checked", "origin.test", BIT.healthcheck, shorter), inval);
});

Deno.test("options for connections can be read back", async () => {
  using b = bench(options);
  const mask = BIT.keepalive | BIT.pooling | BIT.ipv4 | BIT.grpc;
  const words = { 72: 1, 76: 1, 80: 2, 84: 3, 88: 4, 92: 5, 96: 6, 100: 7 };
  assertEquals(register(b, "mine", "origin.test", mask, config(b, words)), ok);
  const answers = {
    get_http_keepalive_time: 1,
    get_tcp_keepalive_enable: 1,
    get_tcp_keepalive_interval: 2,
    get_tcp_keepalive_probes: 3,
    get_tcp_keepalive_time: 4,
    get_max_connections: 5,
    get_max_use: 6,
    get_max_lifetime_ms: 7,
    is_ipv6_preferred: 0,
    is_dynamic: 1,
    is_healthy: 0,
  };
  for (const [name, answer] of Object.entries(answers)) {
    assertEquals(await b.got(BACKEND, name, "mine"), answer, name);
  }
});

Deno.test("numbers that share their bit and were not set count as not set", async () => {
  using b = bench(options);
  const ptr = config(b, { 72: 0, 76: 0, 80: 0, 84: 0, 88: 0 });
  assertEquals(register(b, "mine", "origin.test", BIT.keepalive | BIT.dontPool, ptr), ok);
  assertEquals(await b.got(BACKEND, "get_http_keepalive_time", "mine"), 600_000);
  assertEquals(await b.got(BACKEND, "get_tcp_keepalive_enable", "mine"), 0);
  for (const [name, answer] of [["interval", 10], ["probes", 3], ["time", 300]] as const) {
    assertEquals(await b.got(BACKEND, `get_tcp_keepalive_${name}`, "mine"), answer);
  }
  assertEquals(b.now(BACKEND, "get_max_connections", "mine", OUT), none);
});

Deno.test("the key of a client certificate is the handle of a secret", async () => {
  using b = bench(options);
  const key = b.sandbox.handles.insert(new Secret(new TextEncoder().encode("no PEM")));
  const mask = BIT.ssl | BIT.clientCert;
  const target = "127.0.0.1:1";
  const ptr = config(b, { 68: key }, { 60: "no PEM" });
  assertEquals(register(b, "mine", target, mask, ptr), ok);
  const request = await b.request();
  const status = await b.call(REQ, "send", request, await b.body(), "mine", OUT, OUT2);
  assertEquals(status, error, "the failure comes with the send");
  assertEquals(register(b, "other", target, mask, config(b, { 68: request }, { 60: "" })), badf);
});

/** A `healthcheck_config` for an origin where nothing listens, behind a dynamic backend's record. */
function probed(
  b: Bench,
  changes: Readonly<Record<string, number | bigint | string>> = {},
): number {
  const { interval, timeout, host, method, path, ...numbers } = {
    interval: 1000n,
    timeout: 1000n,
    host: "health.test",
    method: "GET",
    path: "/",
    status: 200,
    window: 5,
    threshold: 3,
    initial: 4,
    ...changes,
  };
  const record = BUF + 112;
  const ptr = config(b, { 104: record });
  b.memory.setU64(record, BigInt(interval));
  b.memory.setU64(record + 8, BigInt(timeout));
  let at = TEXTS;
  for (const [i, text] of [host, method, path].entries()) {
    b.memory.setByteString(at, String(text));
    b.memory.setU32(record + 16 + i * 8, at);
    b.memory.setU32(record + 20 + i * 8, String(text).length);
    at += String(text).length;
  }
  for (const [i, number] of Object.values(numbers).entries()) {
    b.memory.setU32(record + 40 + i * 4, Number(number));
  }
  return ptr;
}

Deno.test("a dynamic backend with a probe is as healthy as the record says at first", async () => {
  using b = bench(options);
  for (const [name, initial, health] of [["good", 3, 1], ["bad", 2, 2]] as const) {
    const ptr = probed(b, { initial });
    assertEquals(register(b, name, "127.0.0.1:1", BIT.healthcheck, ptr), ok);
    assertEquals(await b.got(BACKEND, "is_healthy", name), health);
  }
});

const probes: [what: string, changes: Record<string, number | bigint | string>, accepted?: true][] =
  [
    ["the longest times", { interval: 3_599_999n, timeout: 3_599_999n }, true],
    ["the largest window", { window: 15, threshold: 15, initial: 15 }, true],
    ["the longest texts", { host: "h".repeat(8191), method: "M".repeat(8192) }, true],
    ["an interval under a second", { interval: 999n }],
    ["an interval of an hour", { interval: 3_600_000n }],
    ["a timeout under a second", { timeout: 0n }],
    ["a timeout of an hour", { timeout: 2n ** 63n }],
    ["no host", { host: "" }],
    ["a host and path too long", { host: "h".repeat(8000), path: "/".repeat(193) }],
    ["a method too long", { method: "M".repeat(8193) }],
    ["a window of 16", { window: 16 }],
    ["a threshold above the window", { threshold: 6 }],
    ["more good probes at first than count", { initial: 6 }],
  ];
for (const [what, changes, accepted] of probes) {
  Deno.test(`a probe with ${what} is ${accepted ? "taken" : "refused with Inval"}`, () => {
    using b = bench(options);
    const ptr = probed(b, changes);
    const status = register(b, "mine", "127.0.0.1:1", BIT.healthcheck, ptr);
    assertEquals(status, accepted ? ok : inval);
  });
}

Deno.test("certificates that are no PEM and unknown ciphers are taken: the send will fail", () => {
  using b = bench(options);
  const ptr = config(b, {}, { 28: "cert.test", 36: "no PEM", 44: "no cipher" });
  const mask = BIT.ssl | BIT.certHost | BIT.ca | BIT.ciphers;
  assertEquals(register(b, "mine", "origin.test", mask, ptr), ok);
  const off = config(b, {}, { 52: "" });
  assertEquals(register(b, "other", "origin.test", BIT.ssl | BIT.sni, off), ok, "no SNI");
});

type Refused = [
  what: string,
  target: string,
  mask: number,
  words?: Record<number, number>,
  texts?: Record<number, string>,
];
const refusedConfigs: Refused[] = [
  ["the reserved bit", "origin.test", 1],
  ["an unknown bit", "origin.test", 1 << 19],
  ["the highest bit", "origin.test", 1 << 31],
  ["an empty target", "", 0],
  ["a target with a path", "origin.test/path", 0],
  ["a target with a user", "me@origin.test", 0],
  ["a target with a port too high", "origin.test:99999", 0],
  ["a target with a space", "origin .test", 0],
  ["an empty host override", "origin.test", BIT.hostOverride, {}, { 0: "" }],
  ["a host override over 1024 bytes", "origin.test", BIT.hostOverride, {}, { 0: "x".repeat(1025) }],
  ["a host override outside memory", "origin.test", BIT.hostOverride],
  ["an empty certificate host", "origin.test", BIT.ssl | BIT.certHost, {}, { 28: "" }],
  ["an SNI name over 1024 bytes", "origin.test", BIT.ssl | BIT.sni, {}, { 52: "x".repeat(1025) }],
  ["a TLS version that there is not", "origin.test", BIT.ssl | BIT.minVersion, { 20: 4 }],
];
for (const [what, target, mask, words = {}, texts = {}] of refusedConfigs) {
  Deno.test(`a dynamic backend with ${what} is refused with Inval`, async () => {
    using b = bench(options);
    assertEquals(register(b, "mine", target, mask, config(b, words, texts)), inval);
    assertEquals(await b.got(BACKEND, "exists", "mine"), 0);
  });
}

Deno.test("a CA text over 64 KiB is refused with Inval", () => {
  using b = bench(options);
  const ptr = config(b, { 36: 0, 40: 65_537 });
  b.memory.setU32(ptr + 36, 0x4100);
  b.memory.setBytes(0x4100, new Uint8Array(65_537).fill(65));
  const name = b.memory.size - 16;
  b.memory.setByteString(name, "mineorigin.test");
  const status = b.now(
    REQ,
    "register_dynamic_backend",
    name,
    4,
    name + 4,
    11,
    BIT.ssl | BIT.ca,
    ptr,
  );
  assertEquals(status, inval);
});

Deno.test("a name in use is refused with Error, be it dynamic or static", async () => {
  using b = bench(options);
  assertEquals(register(b, "mine", "one.test", 0), ok);
  assertEquals(register(b, "mine", "two.test", 0), error);
  assertEquals(register(b, "mine", "one.test", 0), error);
  assertEquals((await b.read(BACKEND, "get_host", ["mine"])).text, "one.test");
  for (const name of ["plain", "handler"]) assertEquals(register(b, name, "two.test", 0), error);
  assertEquals((await b.read(BACKEND, "get_host", ["plain"])).text, "plain.test");
  assertEquals(await b.got(BACKEND, "is_dynamic", "plain"), 0);
});

Deno.test("a run of a program may register a thousand backends, and not one more", () => {
  using b = bench(options);
  for (let i = 0; i < 1000; i++) assertEquals(register(b, `d${i}`, "one.test", 0), ok);
  assertEquals(register(b, "one more", "one.test", 0), XqdStatus.limitexceeded);
});

const catchAlls: [what: string, options: ServiceOptions][] = [
  ["a catch-all", { catchAll: () => new Response("caught") }],
  ["a function for all names", { backends: () => () => new Response("caught") }],
];
for (const [what, options] of catchAlls) {
  Deno.test(`${what} answers for names without another definition`, async () => {
    using b = bench(options);
    assertEquals(await b.got(BACKEND, "exists", "anything"), 1);
    assertEquals(await b.got(BACKEND, "is_dynamic", "anything"), 0);
    const reply = await replyOf(b, "send", await b.request(), await b.body(), "anything");
    assertEquals(await b.drain(reply.body), "caught");
  });

  Deno.test(`${what} never blocks a dynamic backend`, async () => {
    using b = bench(options);
    assertEquals(register(b, "anything", "origin.test", 0), ok);
    assertEquals(await b.got(BACKEND, "is_dynamic", "anything"), 1);
    assertEquals((await b.read(BACKEND, "get_host", ["anything"])).text, "origin.test");
    assertEquals(register(b, "anything", "origin.test", 0), error);
  });
}

Deno.test("a defined backend comes before the catch-all", async () => {
  using b = bench({ ...options, catchAll: () => new Response("caught") });
  const reply = await replyOf(b, "send", await b.request(), await b.body(), "handler");
  assertEquals(await b.drain(reply.body), "handler");
  assertEquals(register(b, "handler", "origin.test", 0), error);
});

Deno.test("a function for names that knows some of them defines only those", async () => {
  const known = () => new Response("known");
  using b = bench({ backends: (name) => name === "known" ? known : undefined });
  assertEquals(await b.got(BACKEND, "exists", "known"), 1);
  assertEquals(await b.got(BACKEND, "exists", "other"), 0);
});

Deno.test("a dynamic backend is its sandbox's own", async () => {
  using one = bench(options);
  assertEquals(register(one, "mine", "origin.test", 0), ok);
  using two = bench(options);
  assertEquals(await two.got(BACKEND, "exists", "mine"), 0);
});
