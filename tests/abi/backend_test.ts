import type { ServiceOptions } from "../../service/options.ts";
import { assertEquals } from "../assert.ts";
import { bench, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const BACKEND = "fastly_backend";
const { ok, inval, none } = XqdStatus;

const options: ServiceOptions = {
  backends: {
    plain: "http://plain.test",
    full: {
      url: "https://full.test:8443/prefix",
      hostOverride: "other.test",
      timeouts: { connect: 1, firstByte: 2, betweenBytes: 3 },
      tls: { minVersion: "1.2", maxVersion: "1.3" },
      health: "unhealthy",
      keepAlive: 4,
      tcpKeepAlive: { interval: 5, probes: 6, time: 7 },
      pool: { maxConnections: 8, maxUse: 9, maxLifetime: 10 },
      preferIpv4: true,
    },
    quiet: { url: "http://quiet.test", tcpKeepAlive: { enable: false }, pool: false },
    six: "http://[::1]:81",
    socket: "ws://socket.test",
    secureSocket: { url: "WSS://socket.test" },
    healthy: { url: "http://healthy.test", health: "healthy" },
    handler: () => new Response("handler"),
  },
};

/** Values of the platform for options that are not set. */
const DEFAULTS = {
  get_http_keepalive_time: 600_000,
  get_tcp_keepalive_enable: 1,
  get_tcp_keepalive_interval: 10,
  get_tcp_keepalive_probes: 3,
  get_tcp_keepalive_time: 300,
  get_connect_timeout_ms: 1000,
  get_first_byte_timeout_ms: 15_000,
  get_between_bytes_timeout_ms: 10_000,
};

const numbers: [backend: string, answers: Record<string, number | undefined>][] = [
  ["plain", {
    exists: 1,
    is_healthy: 0,
    is_dynamic: 0,
    is_ssl: 0,
    ...DEFAULTS,
    get_ssl_min_version: undefined,
    get_ssl_max_version: undefined,
    get_max_connections: undefined,
    get_max_use: undefined,
    get_max_lifetime_ms: undefined,
    is_ipv6_preferred: 1,
  }],
  ["full", {
    exists: 1,
    is_healthy: 2,
    is_ssl: 1,
    get_connect_timeout_ms: 1,
    get_first_byte_timeout_ms: 2,
    get_between_bytes_timeout_ms: 3,
    get_ssl_min_version: 2,
    get_ssl_max_version: 3,
    get_http_keepalive_time: 4,
    get_tcp_keepalive_enable: 1,
    get_tcp_keepalive_interval: 5,
    get_tcp_keepalive_probes: 6,
    get_tcp_keepalive_time: 7,
    get_max_connections: 8,
    get_max_use: 9,
    get_max_lifetime_ms: 10,
    is_ipv6_preferred: 0,
  }],
  ["quiet", {
    get_tcp_keepalive_enable: 0,
    get_tcp_keepalive_interval: 10,
    get_connect_timeout_ms: 1000,
    get_max_connections: undefined,
  }],
  ["socket", { is_ssl: 0 }],
  ["secureSocket", { is_ssl: 1 }],
  ["healthy", { is_healthy: 1 }],
  ["handler", { exists: 1, is_healthy: 0, is_ssl: 0, get_ssl_min_version: undefined, ...DEFAULTS }],
];
for (const [backend, answers] of numbers) {
  Deno.test(`the getters of backend ${backend} answer its options, and the platform's defaults where none is set`, () => {
    using b = bench(options);
    for (const [name, answer] of Object.entries(answers)) {
      b.memory.setU32(OUT, UNTOUCHED);
      const status = b.now(BACKEND, name, backend, OUT);
      assertEquals(
        [status, b.memory.u32(OUT)],
        answer === undefined ? [none, UNTOUCHED] : [ok, answer],
        name,
      );
    }
  });
}

Deno.test("hosts have no port or brackets, ports are two bytes", async () => {
  using b = bench(options);
  const expected: [string, string, number][] = [
    ["plain", "plain.test", 80],
    ["full", "full.test", 8443],
    ["six", "::1", 81],
    ["secureSocket", "socket.test", 443],
  ];
  for (const [backend, host, port] of expected) {
    assertEquals((await b.read(BACKEND, "get_host", [backend])).text, host);
    b.fill(OUT, 4);
    assertEquals(b.now(BACKEND, "get_port", backend, OUT), ok);
    assertEquals(b.memory.u16(OUT), port);
    b.assertFilled(OUT + 2, 2);
  }
  assertEquals((await b.read(BACKEND, "get_host", ["plain"], 4)).length, 10);
  assertEquals((await b.read(BACKEND, "get_override_host", ["full"])).text, "other.test");
  const unset = { status: none, text: "", length: UNTOUCHED };
  assertEquals(await b.read(BACKEND, "get_override_host", ["plain"]), unset);
});

Deno.test("a backend that there is not: exists says so, the others are Inval", async () => {
  using b = bench(options);
  assertEquals(await b.got(BACKEND, "exists", "nowhere"), 0);
  assertEquals(await b.got(BACKEND, "exists", "__proto__"), 0);
  const names = new Set(numbers.flatMap(([, answers]) => Object.keys(answers)));
  names.delete("exists");
  for (const name of [...names, "get_port"]) {
    assertEquals(b.now(BACKEND, name, "nowhere", OUT), inval, name);
  }
  for (const name of ["get_host", "get_override_host"]) {
    assertEquals((await b.read(BACKEND, name, ["nowhere"])).status, inval);
  }
  assertEquals(b.now(BACKEND, "exists", Uint8Array.of(0xff), OUT), inval);
});
