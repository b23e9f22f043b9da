import { assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";
import { ManifestError, parseManifest } from "../../service/manifest.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

function manifest(
  text: string,
  files: Readonly<Record<string, string>> = {},
  file = "fastly.toml",
) {
  return parseManifest(text, file, (path) => {
    const content = files[path];
    if (content === undefined) throw new Error("there is no such file");
    return content;
  });
}

function backend(lines: string, files?: Readonly<Record<string, string>>, file?: string) {
  const text = `[local_server.backends.origin]\nurl = "https://example.com/base"\n${lines}`;
  return manifest(text, files, file).backends.origin;
}

Deno.test("a manifest without a local server has no backends", () => {
  for (const text of ["", "# nothing", 'name = "x"\nmanifest_version = 3', "[local_server]"]) {
    assertEquals(manifest(text), { backends: {}, warnings: [] });
  }
});

Deno.test("keys of other tools are no concern of this one", () => {
  const text = `
    manifest_version = 2
    name = "x"
    [scripts]
    build = "make"
    [setup.backends.origin]
    address = "x"
    [local_server]
    something = true
    [local_server.kv_stores]
    store = []
    [local_server.backends."my.origin"]
    url = "http://127.0.0.1:8000"
    [local_server.backends.__proto__]
    url = "http://b"
  `;
  assertEquals(
    Object.entries(manifest(text).backends),
    Object.entries(
      JSON.parse('{"my.origin":{"url":"http://127.0.0.1:8000"},"__proto__":{"url":"http://b"}}'),
    ),
  );
});

Deno.test("every setting of a backend arrives", () => {
  assertEquals(
    backend(
      `override_host = "a.example"
      cert_host = "b.example"
      use_sni = false
      first_byte_timeout_ms = 1500
      between_bytes_timeout_ms = 0
      health = "HEALTHY"
      grpc = false
      ca_certificate = { file = "ca.pem" }
      client_certificate = { certificate_file = "c.pem", key = """${PEM}""" }`,
      { "ca.pem": PEM + "1", "c.pem": PEM + "2" },
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
      health: "healthy",
    },
  );
});

Deno.test("what is left to the defaults stays out", () => {
  assertEquals(backend("use_sni = true\nca_certificate = []"), { url: "https://example.com/base" });
});

const AUTHORITIES: [form: string, count: number][] = [
  [`"""${PEM}"""`, 1],
  [`{ value = """${PEM}""" }`, 1],
  ['{ file = "ca.pem" }', 1],
  [`["""${PEM}""", { value = """${PEM}""" }, { file = "ca.pem" }]`, 3],
];
for (const [form, count] of AUTHORITIES) {
  const name = form.replaceAll(PEM, "PEM").replaceAll('"', "");
  Deno.test(`ca_certificate = ${name} is ${count} of them`, () => {
    const found = backend(`ca_certificate = ${form}`, { "ca.pem": PEM });
    assertEquals(found?.tls, { ca: Array(count).fill(PEM) });
  });
}

Deno.test("files are found from the manifest's folder", () => {
  const files = { "/srv/app/certs/ca.pem": PEM, "certs/ca.pem": PEM + "wrong" };
  const lines = 'ca_certificate = { file = "certs/ca.pem" }';
  assertEquals(backend(lines, files, "/srv/app/fastly.toml")?.tls?.ca, [PEM]);
  const absolute = 'ca_certificate = { file = "/srv/app/certs/ca.pem" }';
  assertEquals(backend(absolute, files, "elsewhere/fastly.toml")?.tls?.ca, [PEM]);
});

Deno.test("a file that is only in the working directory is taken with a warning", () => {
  const text = '[local_server.backends.o]\nurl="http://x"\nca_certificate = { file = "ca.pem" }';
  const found = manifest(text, { "ca.pem": PEM }, "app/fastly.toml");
  assertEquals(found.backends.o?.tls?.ca, [PEM]);
  assertEquals(found.warnings, [
    "app/fastly.toml names ca.pem from the working directory: make it relative to the manifest",
  ]);
});

const AT = "in local_server.backends.origin";
const WRONG_BACKENDS: [lines: string, message: string][] = [
  ['uri = "x"', `key "uri" ${AT} is not known`],
  ["override_host = 1", `key "override_host" ${AT} must be a text in quotes`],
  ['override_host = ""', `key "override_host" ${AT} must not be empty`],
  ['cert_host = ""', `key "cert_host" ${AT} must not be empty`],
  ['use_sni = "yes"', `key "use_sni" ${AT} must be true or false`],
  ["grpc = true", `key "grpc" ${AT} is true, which is not supported yet`],
  ["grpc = 1", `key "grpc" ${AT} must be true or false`],
  [
    "first_byte_timeout_ms = -1",
    `key "first_byte_timeout_ms" ${AT} must be a whole number of milliseconds`,
  ],
  [
    "between_bytes_timeout_ms = 1.5",
    `key "between_bytes_timeout_ms" ${AT} must be a whole number of milliseconds`,
  ],
  ['health = "well"', `key "health" ${AT} must be "unknown", "healthy" or "unhealthy"`],
  ['ca_certificate = "x"', `key "ca_certificate" ${AT} is not in PEM format`],
  [
    "ca_certificate = 1",
    `key "ca_certificate" ${AT} must be a PEM text, a table or a list of those`,
  ],
  ["ca_certificate = {}", `key "value" or "file" is missing ${AT}.ca_certificate`],
  ['ca_certificate = { path = "x" }', `key "path" ${AT}.ca_certificate is not known`],
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
for (const [lines, message] of WRONG_BACKENDS) {
  Deno.test(`a backend with ${lines.replaceAll(PEM, "PEM").replaceAll("\n", " ")} is refused`, () => {
    const error = assertThrows(() => backend(lines), ManifestError);
    assertEquals(error.message, `Cannot read fastly.toml: ${message}`);
  });
}

const WRONG_MANIFESTS: [text: string, message: string][] = [
  ["[local_server.backends.origin]", 'key "url" is missing in local_server.backends.origin'],
  ['[local_server.backends."a b"]', 'key "url" is missing in local_server.backends."a b"'],
  ["local_server = 1", 'key "local_server" must be a table'],
  ["[local_server]\nbackends = []", 'key "backends" in local_server must be a table'],
  [
    "[local_server.backends]\no = 'http://x'",
    'key "o" in local_server.backends must be a table',
  ],
  [
    "[local_server.backends.o]\nurl = 'example.com'",
    'key "url" in local_server.backends.o is not an http or https URL: "example.com"',
  ],
  ["manifest_version = 4", 'key "manifest_version" is 4, and 3 is the newest known'],
  ["manifest_version = '1'", 'key "manifest_version" must be a whole number'],
  ["a = 1\na = 2", "trying to redefine an already defined table or value in line 2, column 1"],
  ['a = "x', "unfinished string in line 1, column 5"],
];
for (const [text, message] of WRONG_MANIFESTS) {
  Deno.test(`the manifest ${JSON.stringify(text)} is refused`, () => {
    const error = assertThrows(() => manifest(text), ManifestError);
    assertStringIncludes(error.message, `Cannot read fastly.toml: ${message.slice(0, -1)}`);
    assertEquals(error.message.includes("\n"), false);
  });
}
