import { assertEquals, assertRejects, assertStringIncludes } from "../../assert.ts";
import { ManifestError } from "../../../cli/manifest/document.ts";
import { assertRefused, options, PEM, read } from "./_manifest.ts";

Deno.test("a manifest without a local server sets no option", async () => {
  for (const text of ["", "# nothing", 'name = "x"\nmanifest_version = 3', "[local_server]"]) {
    const { warned: _, ...seen } = await read(text);
    assertEquals(seen, { options: {}, logEndpoints: {}, warnings: [] });
  }
});

Deno.test("keys of other tools are no concern of this one", async () => {
  const { backends, ...others } = await options(`
    manifest_version = 2
    name = "x"
    [scripts]
    build = "make"
    [setup.backends.origin]
    address = "x"
    [local_server]
    something = true
    [local_server.viceroy]
    pushpin = 1
    [local_server.backends."my.origin"]
    url = "http://127.0.0.1:8000"
    [local_server.backends.__proto__]
    url = "http://b"
  `);
  assertEquals(others, {});
  assertEquals(
    Object.entries(backends!),
    Object.entries(
      JSON.parse('{"my.origin":{"url":"http://127.0.0.1:8000"},"__proto__":{"url":"http://b"}}'),
    ),
  );
});

const CERTIFIED = (path: string) =>
  `[local_server.backends.o]\nurl = "https://o"\nca_certificate = { file = "${path}" }`;

Deno.test("files are found from the manifest's folder", async () => {
  const files = { "/srv/app/certs/ca.pem": PEM, "certs/ca.pem": PEM + "wrong" };
  const beside = await options(CERTIFIED("certs/ca.pem"), { files, file: "/srv/app/fastly.toml" });
  assertEquals(beside.backends?.o?.tls?.ca, [PEM]);
  const absolute = CERTIFIED("/srv/app/certs/ca.pem");
  const elsewhere = await options(absolute, { files, file: "elsewhere/fastly.toml" });
  assertEquals(elsewhere.backends?.o?.tls?.ca, [PEM]);
});

Deno.test("a file that is only in the working directory is taken with a warning", async () => {
  const { options, warnings } = await read(CERTIFIED("ca.pem"), {
    files: { "ca.pem": PEM },
    file: "app/fastly.toml",
  });
  assertEquals(options.backends?.o?.tls?.ca, [PEM]);
  assertEquals(warnings, [
    'app/fastly.toml: key "file" in local_server.backends.o.ca_certificate names ca.pem from ' +
    "the working directory: make it relative to the manifest",
  ]);
});

Deno.test("shielding sites are the local one or two URLs", async () => {
  const text = `[local_server.shielding_sites]
    "pdx-or-us" = "LOCAL"
    "bfi-wa-us" = { encrypted = "https://a", unencrypted = "http://b:80" }`;
  assertEquals((await options(text)).shieldingSites, {
    "pdx-or-us": "local",
    "bfi-wa-us": { encrypted: "https://a", unencrypted: "http://b:80" },
  });
});

Deno.test("fake Fastly keys are a list of texts", async () => {
  const text = '[local_server]\nfake_valid_fastly_keys = ["a", ""]';
  assertEquals((await options(text)).fastlyKeys, ["a", ""]);
});

Deno.test("trusted proxies are a list of ranges", async () => {
  const text = '[local_server]\ntrust_proxy = ["10.0.0.0/8", "loopback"]';
  assertEquals((await options(text)).trustProxy, ["10.0.0.0/8", "loopback"]);
});

Deno.test("errors is one of two words", async () => {
  assertEquals((await options('[local_server]\nerrors = "brief"')).errors, "brief");
  assertEquals((await options("[local_server]")).errors, undefined);
});

Deno.test("log endpoints have a file, from the manifest's folder, and a format", async () => {
  const text = `[local_server.log_endpoints]
    a = { file = "logs/a.log" }
    b = { file = "/var/b.log", format = "json" }
    c = { format = "text" }
    d = {}`;
  assertEquals((await read(text, { file: "app/fastly.toml" })).logEndpoints, {
    a: { file: "app/logs/a.log" },
    b: { file: "/var/b.log", format: "json" },
    c: { format: "text" },
    d: {},
  });
});

const REFUSED: [text: string, message: string][] = [
  ["[local_server.backends.origin]", 'key "url" is missing in local_server.backends.origin'],
  ['[local_server.backends."a b"]', 'key "url" is missing in local_server.backends."a b"'],
  ['[local_server.backends.""]\nurl = "x"', "a name in local_server.backends is empty"],
  ["local_server = 1", 'key "local_server" must be a table'],
  ["local_server = 2026-01-01", 'key "local_server" must be a table'],
  [
    "[local_server]\nbackends = []",
    'key "backends" in local_server must be a table: did you mean [local_server.backends.NAME]?',
  ],
  ["[local_server.backends]\no = 'http://x'", 'key "o" in local_server.backends must be a table'],
  ["manifest_version = 4", 'key "manifest_version" is 4, and 3 is the newest known'],
  ["manifest_version = '1'", 'key "manifest_version" must be a whole number'],
  [
    "[local_server.shielding_sites]\na = 'Remote'",
    'key "a" in local_server.shielding_sites must be "Local", or a table with encrypted and unencrypted',
  ],
  [
    "[local_server.shielding_sites]\na = { encrypted = 'https://a' }",
    'key "unencrypted" is missing in local_server.shielding_sites.a',
  ],
  [
    "[local_server.shielding_sites]\na = { encrypted = 'https://a', unencrypted = 'b' }",
    'key "unencrypted" in local_server.shielding_sites.a is not an http or https URL: "b"',
  ],
  [
    "[local_server.shielding_sites]\na = { encrypted = 'https://a', plain = 'b' }",
    'key "plain" in local_server.shielding_sites.a is not known: there are encrypted, unencrypted',
  ],
  [
    "[local_server]\nfake_valid_fastly_keys = 'a'",
    'key "fake_valid_fastly_keys" in local_server must be a list of texts in quotes',
  ],
  [
    "[local_server]\nfake_valid_fastly_keys = [1]",
    'key "fake_valid_fastly_keys" in local_server must be a list of texts in quotes',
  ],
  [
    "[local_server]\nerrors = 'all'",
    'key "errors" in local_server must be "details" or "brief"',
  ],
  [
    "[local_server]\ntrust_proxy = ['10.0.0.0/8', 'near']",
    'key "trust_proxy" in local_server has "near" in it, which is not an address, a range as ' +
    "10.0.0.0/8, loopback or private",
  ],
  [
    "[local_server.log_endpoints]\na = { path = 'x' }",
    'key "path" in local_server.log_endpoints.a is not known: there are file, format',
  ],
  [
    "[local_server.log_endpoints]\na = { file = '' }",
    'key "file" in local_server.log_endpoints.a must not be empty',
  ],
  [
    "[local_server.log_endpoints]\na = { format = 'xml' }",
    'key "format" in local_server.log_endpoints.a must be "text" or "json"',
  ],
];
for (const [text, message] of REFUSED) {
  Deno.test(`the manifest ${JSON.stringify(text)} is refused`, () => assertRefused(text, message));
}

const ALIASES = [
  ["config_stores", "dictionaries"],
  ["kv_stores", "object_stores"],
  ["kv_stores", "object_store"],
  ["object_stores", "object_store"],
];
for (const [one, other] of ALIASES) {
  Deno.test(`${one} and ${other} are one section, and cannot be there at once`, () =>
    assertRefused(
      `[local_server.${one}]\n[local_server.${other}]`,
      `keys "${one}" and "${other}" are both in local_server`,
    ));
}

const BROKEN: [text: string, message: string][] = [
  ["a = 1\na = 2", "trying to redefine an already defined table or value in line 2, column "],
  ['a = "x', "unfinished string in line 1, column "],
];
for (const [text, message] of BROKEN) {
  Deno.test(`the text ${JSON.stringify(text)} is refused with its place`, async () => {
    const error = await assertRejects(() => read(text), ManifestError);
    assertStringIncludes(error.message, `Cannot read fastly.toml: ${message}`);
    assertEquals(error.message.includes("\n"), false);
  });
}

Deno.test("limits are numbers or texts with units, and may come from the environment", async () => {
  const { options } = await read(
    `[local_server.limits]
    memory = "64MiB"
    wall_time = 300
    queue = "none"
    body_bytes = inf
    cpu_time = { env = "CPU" }`,
    { env: { CPU: "2s" } },
  );
  assertEquals(options.limits, {
    memory: 64 * 2 ** 20,
    wall_time: 300,
    queue: Infinity,
    body_bytes: Infinity,
    cpu_time: 2000,
  });
});

const LIMITS_REFUSED: [table: string, message: string][] = [
  ["cpu_tme = 1", 'key "cpu_tme" in local_server.limits is not known: did you mean cpu_time?'],
  [
    'wall_time = "10 parsecs"',
    'key "wall_time" in local_server.limits must be a time as 300ms, 10s or 2m, at least 1ms, or none for no limit',
  ],
  ["queue = -1", 'key "queue" in local_server.limits must be a whole number, or none for no limit'],
  [
    "queue = true",
    'key "queue" in local_server.limits must be a whole number, or none for no limit',
  ],
  ["queue = [1]", 'key "queue" in local_server.limits must be a text in quotes'],
];
for (const [table, message] of LIMITS_REFUSED) {
  Deno.test(`limits of ${table} are refused`, () =>
    assertRefused(`[local_server.limits]\n${table}`, message));
}

const WARNED: readonly [string, string][] = [
  [
    "[local_server.backend.origin]\nurl = 'http://x'",
    'key "backend" in local_server is not known: did you mean backends?',
  ],
  [
    "[local_server.kv_store]",
    'key "kv_store" in local_server is not known: did you mean kv_stores?',
  ],
  [
    "bot_headers = true",
    'key "bot_headers" is outside of local_server: did you mean local_server.bot_headers?',
  ],
  ["[local-server.backends]", 'key "local-server" is not known: did you mean local_server?'],
  [
    "[config_stores.s]",
    'key "config_stores" is outside of local_server: did you mean [local_server.config_stores]?',
  ],
];

for (const [text, warning] of WARNED) {
  Deno.test(`${text.split("\n")[0]} is refused as a mistake, and not read`, async () => {
    const { options, warnings } = await read(text);
    assertEquals([options, warnings], [{}, [`fastly.toml: ${warning}`]]);
  });
}

const SLIPS: readonly [string, string][] = [
  [
    "[local_server.backends.o]\nurl = 'http://x'\noveride_host = 'a'",
    'key "overide_host" in local_server.backends.o is not known: did you mean override_host?',
  ],
  [
    "[[local_server.backends.o]]\nurl = 'http://x'",
    'key "o" in local_server.backends must be a table: did you mean [local_server.backends.o]?',
  ],
  [
    "[[local_server.backends]]\nname = 'o'\nurl = 'http://x'",
    'key "backends" in local_server must be a table: did you mean [local_server.backends.NAME]?',
  ],
  [
    "[local_server.backends]\nurl = 'http://x'",
    'key "url" in local_server.backends is not in an entry: did you mean [local_server.backends.NAME]?',
  ],
  [
    "[local_server.kv_stores.'a b']\nkey = 'k'\ndata = 'x'",
    'key "a b" in local_server.kv_stores must be a list of tables, or a table with file and format: ' +
    'did you mean [[local_server.kv_stores."a b"]]?',
  ],
  [
    "[[local_server.kv_stores]]\nkey = 'k'\ndata = 'x'",
    'key "kv_stores" in local_server must be a table: did you mean [[local_server.kv_stores.NAME]]?',
  ],
  [
    "[local_server.secret_stores]\nkey = 'k'\ndata = 'x'",
    'key "key" in local_server.secret_stores is not in an entry: ' +
    "did you mean [[local_server.secret_stores.NAME]]?",
  ],
  [
    "[local_server.secret_stores.s]\nkey = 'k'\nenv = 'X'",
    'key "s" in local_server.secret_stores must be a list of tables, or a table with file and format: ' +
    "did you mean [[local_server.secret_stores.s]]?",
  ],
  [
    "[[local_server.geolocation]]\nformat = 'inline-toml'",
    'key "geolocation" in local_server must be a table: did you mean [local_server.geolocation]?',
  ],
  [
    "[[local_server.config_stores.c]]\nformat = 'inline-toml'",
    'key "c" in local_server.config_stores must be a table: did you mean [local_server.config_stores.c]?',
  ],
  [
    "[[local_server.log_endpoints.c]]\nfile = 'x'",
    'key "c" in local_server.log_endpoints must be a table: did you mean [local_server.log_endpoints.c]?',
  ],
];

for (const [text, message] of SLIPS) {
  Deno.test(`${text.replaceAll("\n", " ")} is refused with the right form`, async () => {
    await assertRefused(text, message);
  });
}

Deno.test("a file beside the manifest that cannot be read is an error, and no other is taken for it", async () => {
  const files = { "app/ca.pem": new Error("permission is denied"), "ca.pem": PEM };
  await assertRefused(
    CERTIFIED("ca.pem"),
    'Cannot read app/fastly.toml: key "file" in local_server.backends.o.ca_certificate names ca.pem, ' +
      "which cannot be read: permission is denied",
    { files, file: "app/fastly.toml" },
  );
});

const JSON_FAULTS: readonly [string, string][] = [
  ['{\n  "a": "1",\n  "b" "2"\n}', '":" is missing in line 3, column 7'],
  ['{\r\n  "a": "1"\r\n  "b": "2"\r\n}', '"," is missing in line 3, column 3'],
  ['{"a":\n tru\n}', 'unexpected "tru" in line 2, column 2'],
  ["// note\n{}", "a comment is not allowed in line 1, column 1"],
  ['{\n"a": "1",\n}', "a name in double quotes is missing in line 3, column 1"],
  ['{"a": "1\n2"}', "a text has no end in its line in line 1, column 7"],
  ['{"a": "1"', '"}" is missing in line 1, column 10'],
  ["", "a value is missing in line 1, column 1"],
  ['{"a": "\\q"}', "a text has a wrong escape in line 1, column 7"],
];

for (const [text, fault] of JSON_FAULTS) {
  Deno.test(`the JSON file ${JSON.stringify(text)} is refused in one line with the place`, async () => {
    const manifest = '[local_server.config_stores.s]\nformat = "json"\nfile = "s.json"';
    await assertRefused(
      manifest,
      `Cannot read s.json (local_server.config_stores.s in fastly.toml): it is not JSON: ${fault}`,
      { files: { "s.json": text } },
    );
  });
}
