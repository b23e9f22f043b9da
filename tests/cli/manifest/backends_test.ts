import { assertEquals } from "../../assert.ts";
import { assertRefused, options, PEM, type Surroundings } from "./_manifest.ts";

const backendText = (lines: string) =>
  `[local_server.backends.origin]\nurl = "https://example.com/base"\n${lines}`;

async function backend(lines: string, surroundings?: Surroundings) {
  return (await options(backendText(lines), surroundings)).backends?.origin;
}

Deno.test("every setting that Fastly's local server has arrives", async () => {
  assertEquals(
    await backend(
      `override_host = "a.example"
      cert_host = "b.example"
      use_sni = false
      first_byte_timeout_ms = 1500
      between_bytes_timeout_ms = 0
      health = "HEALTHY"
      grpc = true
      ca_certificate = { file = "ca.pem" }
      client_certificate = { certificate_file = "c.pem", key = """${PEM}""" }`,
      { files: { "ca.pem": PEM + "1", "c.pem": PEM + "2" } },
    ),
    {
      url: "https://example.com/base",
      hostOverride: "a.example",
      timeouts: { firstByte: 1500 },
      tls: {
        ca: [PEM + "1"],
        certHost: "b.example",
        sni: false,
        clientCertificate: { certificate: PEM + "2", key: PEM },
      },
      grpc: true,
      health: "healthy",
    },
  );
});

Deno.test("every further setting arrives", async () => {
  assertEquals(
    await backend(
      `connect_timeout_ms = 100
      tls_verify = false
      tls_min_version = "1.2"
      tls_max_version = "1.3"
      tls_ciphers = "ECDHE-RSA-AES128-GCM-SHA256"
      http2 = false
      http_keepalive_time_ms = 2000
      tcp_keepalive_enable = true
      tcp_keepalive_interval_secs = 1
      tcp_keepalive_probes = 2
      tcp_keepalive_time_secs = 3
      max_connections = 4
      max_use = 5
      max_lifetime_ms = 6
      prefer_ipv4 = true
      [local_server.backends.origin.healthcheck]
      interval_ms = 10
      timeout_ms = 20
      host = "h"
      method = "HEAD"
      path = "/up"
      expected_status = 204
      window = 6
      threshold = 5
      initial = 0`,
    ),
    {
      url: "https://example.com/base",
      timeouts: { connect: 100 },
      tls: {
        verify: false,
        minVersion: "1.2",
        maxVersion: "1.3",
        ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
      },
      http2: false,
      keepAlive: 2000,
      tcpKeepAlive: { enable: true, interval: 1, probes: 2, time: 3 },
      pool: { maxConnections: 4, maxUse: 5, maxLifetime: 6 },
      preferIpv4: true,
      healthcheck: {
        interval: 10,
        timeout: 20,
        host: "h",
        method: "HEAD",
        path: "/up",
        expectedStatus: 204,
        window: 6,
        threshold: 5,
        initial: 0,
      },
    },
  );
});

Deno.test("options that are not given are left out", async () => {
  assertEquals(await backend("use_sni = true\nca_certificate = []\ngrpc = false\npool = true"), {
    url: "https://example.com/base",
  });
  assertEquals((await backend("healthcheck = {}"))?.healthcheck, {});
  assertEquals((await backend("pool = false"))?.pool, false);
});

Deno.test("a timeout beyond the longest timer is the longest timer", async () => {
  const found = await backend("first_byte_timeout_ms = 4294967295");
  assertEquals(found?.timeouts, { firstByte: 2147483647 });
});

const AUTHORITIES: [form: string, count: number][] = [
  [`"""${PEM}"""`, 1],
  [`{ value = """${PEM}""" }`, 1],
  [`{ value = { env = "CA" } }`, 1],
  ['{ file = "ca.pem" }', 1],
  ['{ env = "CA" }', 1],
  [`["""${PEM}""", { value = """${PEM}""" }, { file = "ca.pem" }, { env = "CA" }]`, 4],
];
for (const [form, count] of AUTHORITIES) {
  const name = form.replaceAll(PEM, "PEM").replaceAll('"', "");
  Deno.test(`ca_certificate = ${name} is ${count} of them`, async () => {
    const found = await backend(`ca_certificate = ${form}`, {
      files: { "ca.pem": PEM },
      env: { CA: PEM },
    });
    assertEquals(found?.tls, { ca: Array(count).fill(PEM) });
  });
}

Deno.test("a text may come from the environment wherever one may stand", async () => {
  const text = `[local_server.backends.origin]
    url = { env = "ORIGIN" }
    override_host = { env = "HOST" }
    tls_min_version = { env = "TLS" }
    health = { env = "HEALTH" }
    client_certificate = { certificate = { env = "PEM" }, key_file = { env = "KEY" } }`;
  const env = {
    ORIGIN: "https://o",
    HOST: "h",
    TLS: "1.3",
    HEALTH: "healthy",
    PEM,
    KEY: "key.pem",
  };
  const { backends } = await options(text, { env, files: { "key.pem": PEM + "key" } });
  assertEquals(backends?.origin, {
    url: "https://o",
    hostOverride: "h",
    tls: { minVersion: "1.3", clientCertificate: { certificate: PEM, key: PEM + "key" } },
    health: "healthy",
  });
});

const AT = "in local_server.backends.origin";
const REFUSED: [lines: string, message: string][] = [
  ['uri = "x"', `key "uri" ${AT} is not known: did you mean url?`],
  ["override_host = 1", `key "override_host" ${AT} must be a text in quotes`],
  ['override_host = ""', `key "override_host" ${AT} must not be empty`],
  [
    'override_host = { env = "NONE" }',
    `key "env" ${AT}.override_host names the environment variable NONE, which is not set`,
  ],
  ["override_host = { env = 1 }", `key "env" ${AT}.override_host must be a text in quotes`],
  [
    'override_host = { env = "A", default = "b" }',
    `key "default" ${AT}.override_host is not known: there is only env`,
  ],
  ['override_host = { file = "x" }', `key "override_host" ${AT} must be a text in quotes`],
  ['cert_host = ""', `key "cert_host" ${AT} must not be empty`],
  ['use_sni = "yes"', `key "use_sni" ${AT} must be true or false`],
  ["grpc = 1", `key "grpc" ${AT} must be true or false`],
  [
    "first_byte_timeout_ms = -1",
    `key "first_byte_timeout_ms" ${AT} must be a whole number of milliseconds`,
  ],
  [
    "between_bytes_timeout_ms = 1.5",
    `key "between_bytes_timeout_ms" ${AT} must be a whole number of milliseconds`,
  ],
  [
    "connect_timeout_ms = '1s'",
    `key "connect_timeout_ms" ${AT} must be a whole number of milliseconds`,
  ],
  ["max_use = -1", `key "max_use" ${AT} must be a whole number`],
  [
    "tcp_keepalive_time_secs = true",
    `key "tcp_keepalive_time_secs" ${AT} must be a whole number of seconds`,
  ],
  [
    'tls_min_version = "1.4"',
    `key "tls_min_version" ${AT} must be "1.0", "1.1", "1.2" or "1.3"`,
  ],
  ["tls_min_version = 1.2", `key "tls_min_version" ${AT} must be a text in quotes`],
  [
    'tls_min_version = "1.3"\ntls_max_version = "1.2"',
    `key "tls_min_version" ${AT} is above tls_max_version`,
  ],
  ['health = "well"', `key "health" ${AT} must be "unknown", "healthy" or "unhealthy"`],
  ["healthcheck = true", `key "healthcheck" ${AT} must be a table`],
  [
    "healthcheck = { paths = '/' }",
    `key "paths" ${AT}.healthcheck is not known: did you mean path?`,
  ],
  ["healthcheck = { window = 16 }", `key "window" ${AT}.healthcheck must be 1 to 15`],
  ["healthcheck = { window = 0 }", `key "window" ${AT}.healthcheck must be 1 to 15`],
  ['ca_certificate = "x"', `key "ca_certificate" ${AT} is not in PEM format`],
  [
    "ca_certificate = 1",
    `key "ca_certificate" ${AT} must be a PEM text, a table or a list of those`,
  ],
  ["ca_certificate = {}", `key "value" or "file" is missing ${AT}.ca_certificate`],
  [
    'ca_certificate = { path = "x" }',
    `key "path" ${AT}.ca_certificate is not known: there are file, value, env`,
  ],
  [
    'ca_certificate = { file = "x" }',
    `key "file" ${AT}.ca_certificate names x, which cannot be read: there is no such file`,
  ],
  ['client_certificate = "x"', `key "client_certificate" ${AT} must be a table`],
  [
    `client_certificate = { certificate = """${PEM}""" }`,
    `key "key" or "key_file" is missing ${AT}.client_certificate`,
  ],
  [
    'client_certificate = { certificate = "a", certificate_file = "b" }',
    `keys "certificate" and "certificate_file" are both ${AT}.client_certificate`,
  ],
];
for (const [lines, message] of REFUSED) {
  const name = lines.replaceAll(PEM, "PEM").replaceAll("\n", " ");
  Deno.test(`a backend with ${name} is refused`, () => assertRefused(backendText(lines), message));
}

for (const [url, meant] of [["ws://o:1/a", "http://o:1/a"], ["wss://o", "https://o"]] as const) {
  Deno.test(`${url} is taken as ${meant}`, async () => {
    const { backends } = await options(`[local_server.backends.o]\nurl = "${url}"`);
    assertEquals(backends, { o: { url: meant } });
  });
}

Deno.test("a backend's URL must be one of http or https", async () => {
  await assertRefused(
    '[local_server.backends.o]\nurl = "example.com"',
    'key "url" in local_server.backends.o is not an http or https URL: "example.com"',
  );
});
