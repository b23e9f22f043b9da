import { FACT_NAMES } from "../../../service/client/fact_fields.ts";
import { assertEquals, assertNotEquals } from "../../assert.ts";
import { assertRefused, options, read } from "./_manifest.ts";
import { loopbackGeo } from "../../../service/client/geo.ts";

const GEO_JSON = '[local_server.geolocation]\nformat = "json"\nfile = "geo.json"';

async function geo(text: string, files?: Record<string, string | Uint8Array>) {
  const { geo } = await options(text, files ? { files } : {});
  return geo!;
}

Deno.test("records of addresses stand in the manifest", async () => {
  const lookup = await geo(`[local_server.geolocation]
    format = "inline-toml"
    [local_server.geolocation.addresses."192.0.2.1"]
    city = "Tokyo"
    latitude = 35.7
    as_number = 1
    extra = true`);
  const record = { city: "Tokyo", latitude: 35.7, as_number: 1, extra: true };
  assertEquals(lookup("192.0.2.1"), record);
  assertEquals(Object.keys(lookup("192.0.2.1")!), Object.keys(record), "the order is kept");
  assertEquals(lookup("192.0.2.2"), undefined);
});

Deno.test("addresses are no texts, and the smallest range wins", async () => {
  const lookup = await geo(GEO_JSON, {
    "geo.json": JSON.stringify({
      "10.0.0.0/8": { city: "8" },
      "10.1.2.3": { city: "32" },
      "10.1.0.0/16": { city: "16" },
      "0000:0000:0000:0000:0000:0000:0000:0001": { city: "loopback" },
      "2001:DB8::/33": { city: "v6" },
      "::/0": { city: "any v6" },
    }),
  });
  const cities = ["10.9.0.1", "10.1.2.3", "10.1.2.4", "::1", "2001:db8:1::1", "2001:db8:8000::"]
    .map((ip) => lookup(ip)?.city);
  assertEquals(cities, ["8", "32", "16", "loopback", "v6", "any v6"]);
  assertEquals(lookup("11.0.0.0"), undefined);
});

Deno.test("loopback addresses are at the head office, unless the manifest says something else", async () => {
  for (const text of ["", 'format = "inline-toml"\naddresses = {}']) {
    const lookup = await geo(`[local_server.geolocation]\n${text}`);
    assertEquals(lookup("127.0.0.1"), loopbackGeo("127.0.0.1"));
    assertEquals(lookup("::1"), loopbackGeo("::1"));
    assertEquals(lookup("192.0.2.1"), undefined);
  }
  const none = await geo("[local_server.geolocation]\nuse_default_loopback = false");
  assertEquals(none("127.0.0.1"), undefined);
  const own = await geo(GEO_JSON, { "geo.json": '{"127.0.0.1":{"city":"here"}}' });
  assertEquals(own("127.0.0.1"), { city: "here" });
  assertNotEquals(own("127.0.0.2"), undefined);
});

Deno.test("a geolocation file is read anew at each look-up", async () => {
  const files = { "geo.json": '{"192.0.2.1":{"city":"a","region":null}}' };
  const { options, warnings, warned } = await read(GEO_JSON, { files });
  assertEquals(options.geo!("192.0.2.1"), JSON.parse(`{"city":"a","region":null}`));
  files["geo.json"] = '{"192.0.2.1":{"city":"b"}}';
  assertEquals(options.geo!("192.0.2.1"), { city: "b" });
  files["geo.json"] = "";
  assertEquals(options.geo!("192.0.2.1"), { city: "b" });
  await warned;
  assertEquals(warnings, [
    "Cannot read geo.json (local_server.geolocation in fastly.toml): it is not JSON: a value is missing in line 1, column 1",
  ]);
});

Deno.test("a MaxMind database is known by its name or by the format", async () => {
  for (const lines of ['file = "x.mmdb"', 'file = "x"\nformat = "mmdb"']) {
    const lookup = await geo(`[local_server.geolocation]\n${lines}`, { "x.mmdb": "x", x: "x" });
    assertEquals(lookup("192.0.2.1"), { city: "the database's of 192.0.2.1" });
  }
});

const GEO = "in local_server.geolocation";
const BAD_GEO: [lines: string, message: string][] = [
  ['use_default_loopback = "no"', `key "use_default_loopback" ${GEO} must be true or false`],
  ['format = "xml"', `key "format" ${GEO} must be "inline-toml", "json" or "mmdb"`],
  ['file = "geo.json"', `key "format" is missing ${GEO}`],
  ["addresses = {}", `key "format" is missing ${GEO}`],
  [
    "loopback = true",
    `key "loopback" ${GEO} is not known: there are use_default_loopback, format, file`,
  ],
  ['format = "inline-toml"', `key "addresses" is missing ${GEO}`],
  [
    'format = "inline-toml"\nfile = "x"',
    `key "file" ${GEO} is not known: there are use_default_loopback, format, addresses`,
  ],
  ['format = "inline-toml"\naddresses = 1', `key "addresses" ${GEO} must be a table`],
  ['format = "json"', `key "file" is missing ${GEO}`],
  [
    'format = "json"\nfile = "x"\naddresses = {}',
    `key "addresses" ${GEO} is not known: there are use_default_loopback, format, file`,
  ],
  [
    'format = "inline-toml"\naddresses."1.2.3" = {}',
    `key "1.2.3" ${GEO}.addresses is not an address or a range as in 192.0.2.0/24`,
  ],
  [
    'format = "inline-toml"\naddresses."1.2.3.4/33" = {}',
    `key "1.2.3.4/33" ${GEO}.addresses is not an address or a range as in 192.0.2.0/24`,
  ],
  [
    'format = "inline-toml"\naddresses."1.2.3.4" = "x"',
    `key "1.2.3.4" ${GEO}.addresses must be a table`,
  ],
  [
    'format = "inline-toml"\naddresses."1.2.3.4".city = ["x"]',
    `key "city" ${GEO}.addresses."1.2.3.4" must be a text, a number, true or false`,
  ],
  [
    'file = "empty.mmdb"',
    `key "file" ${GEO} names empty.mmdb, which cannot be used: it is empty`,
  ],
  [
    'file = "none.mmdb"',
    `key "file" ${GEO} names none.mmdb, which cannot be read: there is no such file`,
  ],
];
for (const [lines, message] of BAD_GEO) {
  Deno.test(`geolocation with ${lines.replaceAll("\n", ", ")} is refused`, () =>
    assertRefused(`[local_server.geolocation]\n${lines}`, message, {
      files: { "empty.mmdb": "" },
    }));
}

const DEVICE = { user_agent: {}, os: {}, device: { name: "iPhone", is_mobile: true } };

Deno.test("devices are found by the whole text of the field", async () => {
  const inline = `[local_server.device_detection]
    format = "inline-toml"
    [local_server.device_detection.user_agents."Mozilla/5.0 (iPhone)"]
    user_agent = {}
    os = {}
    device = { name = "iPhone", is_mobile = true }`;
  const json = '[local_server.device_detection]\nformat = "json"\nfile = "d.json"';
  const files = { "d.json": JSON.stringify({ "Mozilla/5.0 (iPhone)": DEVICE }) };
  for (const text of [inline, json]) {
    const { devices } = await options(text, { files });
    assertEquals(devices!("Mozilla/5.0 (iPhone)"), DEVICE);
    assertEquals(devices!("Mozilla/5.0"), undefined);
    assertEquals(devices!("__proto__"), undefined);
  }
});

const DEVICES = "in local_server.device_detection";
const BAD_DEVICES: [lines: string, message: string][] = [
  ["", `key "format" is missing ${DEVICES}`],
  ['format = "toml"', `key "format" ${DEVICES} must be "inline-toml" or "json"`],
  ['format = "inline-toml"', `key "user_agents" is missing ${DEVICES}`],
  ['format = "json"', `key "file" is missing ${DEVICES}`],
  [
    'format = "json"\nuser_agents = {}',
    `key "user_agents" ${DEVICES} is not known: there are format, file`,
  ],
  ['format = "inline-toml"\nuser_agents.a = 1', `key "a" ${DEVICES}.user_agents must be a table`],
  [
    'format = "inline-toml"\nuser_agents.a.device = 1',
    `key "device" ${DEVICES}.user_agents.a must be a table`,
  ],
  [
    'format = "inline-toml"\nuser_agents.a.devcie = {}',
    `key "devcie" ${DEVICES}.user_agents.a is not known: did you mean device?`,
  ],
];
for (const [lines, message] of BAD_DEVICES) {
  Deno.test(`device detection with ${JSON.stringify(lines)} is refused`, () =>
    assertRefused(`[local_server.device_detection]\n${lines}`, message));
}

Deno.test("an ACL is a JSON file, named in either form", async () => {
  const json = {
    entries: [
      { op: "create", prefix: "1.2.3.0/24", action: "BLOCK" },
      { prefix: "FACE::/16", action: "allow" },
    ],
  };
  const text = '[local_server.acls]\na = "acl.json"\nb = { file = "acl.json" }';
  const { acls } = await options(text, { files: { "acl.json": JSON.stringify(json) } });
  const entries = [
    { prefix: "1.2.3.0/24", action: "BLOCK" as const },
    { prefix: "FACE::/16", action: "ALLOW" as const },
  ];
  assertEquals(acls, { a: entries, b: entries });
});

const BAD_ACLS: [value: string, message: string][] = [
  ["1", 'key "a" in local_server.acls must be a file\'s name, or a table with file'],
  ["{}", 'key "file" is missing in local_server.acls.a'],
  ["{ path = 'x' }", 'key "path" in local_server.acls.a is not known: there is only file'],
  [
    "'x'",
    'key "a" in local_server.acls names x, which cannot be read: there is no such file',
  ],
];
for (const [value, message] of BAD_ACLS) {
  Deno.test(`the ACL ${value} is refused`, () =>
    assertRefused(`[local_server.acls]\na = ${value}`, message));
}

const BAD_ACL_FILES: [json: string, message: string][] = [
  ["{}", 'key "entries" is missing'],
  ['{"entries":{}}', 'key "entries" must be a list of objects'],
  ['{"entries":["1.2.3.4/32"]}', 'key "entries" must be a list of objects'],
  ['{"entries":[],"name":"x"}', 'key "name" is not known: there is only entries'],
  ['{"entries":[{"action":"ALLOW"}]}', 'key "prefix" is missing in entries[0]'],
  ['{"entries":[{"prefix":"1.2.3.4/32"}]}', 'key "action" is missing in entries[0]'],
  [
    '{"entries":[{"prefix":"1.2.3.4/32","action":"DROP"}]}',
    'key "action" in entries[0] must be "ALLOW" or "BLOCK"',
  ],
  [
    '{"entries":[{"prefix":"1.2.3.4/64","action":"ALLOW"}]}',
    'key "prefix" in entries[0] is not an address or a range as in 192.0.2.0/24',
  ],
  [
    '{"entries":[{"prefix":"1.2.3.4/32","action":"ALLOW","ttl":1}]}',
    'key "ttl" in entries[0] is not known: there are prefix, action, op',
  ],
];
for (const [json, message] of BAD_ACL_FILES) {
  Deno.test(`an ACL with the file ${json} is refused`, () =>
    assertRefused(
      '[local_server.acls]\na = "acl.json"',
      `Cannot read acl.json (local_server.acls in fastly.toml): ${message}`,
      { files: { "acl.json": json } },
    ));
}

Deno.test("facts of clients can be in the manifest, and other keys are refused", async () => {
  const { clientFacts, factsPrefix, botHeaders } = await options(`[local_server]
    client_facts_prefix = "x-test-"
    bot_headers = true
    [local_server.client]
    ja4 = "t13d"
    bot_detected = true
    bot_name = "examplebot"
    visits_service = 2`);
  assertEquals([factsPrefix, botHeaders], ["x-test-", true]);
  assertEquals(clientFacts, {
    tls: { ja4: "t13d" },
    bot: { detected: true, name: "examplebot" },
    visits: { service: 2 },
  });
  for (const value of ["{}", "[{}]", "2026-01-01"]) {
    await assertRefused(
      `[local_server.client]\nbot_name = ${value}`,
      'key "bot_name" in local_server.client must be a text, a number, true or false',
    );
  }
  await assertRefused(
    '[local_server.client]\nbot_detected = "maybe"',
    'key "bot_detected" in local_server.client must be true or false',
  );
  await assertRefused(
    "[local_server.client]\nshoe_size = 43",
    'key "shoe_size" in local_server.client is not known: there are ' +
      FACT_NAMES.map((name) => name.replaceAll("-", "_")).join(", "),
  );
});

Deno.test("files that are looked up are read and parsed once for each version of them", async () => {
  let reads = 0;
  let version: string | undefined = "1";
  let geo = '{ "192.0.2.1": { "city": "one" } }';
  const files = {
    get "geo.json"() {
      reads++;
      return geo;
    },
    get "store.json"() {
      reads++;
      return '{ "key": "value" }';
    },
  };
  const text = `
    [local_server.geolocation]
    format = "json"
    file = "geo.json"
    [local_server.config_stores.s]
    format = "json"
    file = "store.json"`;
  const { options, warnings, warned } = await read(text, { files, versionOf: () => version });
  const open = options.configStores!.s as () => Record<string, string>;
  const look = () => [options.geo!("192.0.2.1")?.city, open().key];
  assertEquals(look(), ["one", "value"]);
  const before = reads;
  for (let i = 0; i < 10; i++) assertEquals(look(), ["one", "value"]);
  assertEquals(reads, before);
  [geo, version] = ['{ "192.0.2.1": { "city": "two" } }', "2"];
  assertEquals(look(), ["two", "value"]);
  [geo, version] = ["{", "3"];
  for (let i = 0; i < 10; i++) assertEquals(look(), ["two", "value"]);
  await warned;
  assertEquals([reads - before, warnings.length], [4, 1]);
  version = undefined; // without a version each look-up reads
  look();
  look();
  assertEquals(reads - before, 8);
});
