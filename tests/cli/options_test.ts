import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import type { ServiceFlags } from "../../cli/flags/args.ts";
import { CommandError } from "../../cli/errors.ts";
import { configure } from "../../cli/options.ts";
import type { Terminal } from "../../cli/telemetry/terminal.ts";
import { NO_FLAGS } from "./flags/flags.ts";
import { bitsOf, mmdbFile } from "./manifest/mmdb_file.ts";

/** Folder with these files, and the messages that the process would write. */
class Place implements AsyncDisposable {
  readonly said: string[] = [];
  readonly folder: string;
  readonly terminal: Terminal;

  private constructor(folder: string) {
    this.folder = folder;
    this.terminal = {
      log: (entry) => void this.said.push(entry.kind),
      access() {},
      line: (text) => void this.said.push(text),
      raw() {},
      note: (level, message) => void this.said.push(`${level}: ${message}`),
      flush() {},
      close() {},
    };
  }

  static async with(files: Readonly<Record<string, string | Uint8Array>>): Promise<Place> {
    const place = new Place(await Deno.realPath(await Deno.makeTempDir()));
    for (const [name, content] of Object.entries(files)) {
      if (typeof content === "string") await Deno.writeTextFile(place.at(name), content);
      else await Deno.writeFile(place.at(name), content);
    }
    return place;
  }

  at(name: string): string {
    return `${this.folder}/${name}`;
  }

  configure(flags: Partial<ServiceFlags>): ReturnType<typeof configure> {
    return configure({ ...NO_FLAGS, ...flags }, this.terminal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

const ACL = '{"entries":[{"prefix":"10.0.0.0/8","action":"BLOCK"}]}';

Deno.test("every flag that names a file takes it", async () => {
  await using place = await Place.with({
    "config.json": '{"a":"1"}',
    "secret.json": '{"b":"2"}',
    "kv.json": '{"c":{"data":"3","metadata":"m"}}',
    "acl.json": ACL,
    "geo.json": '{"10.0.0.0/8":{"city":"x"}}',
    "device.json": '{"ua":{"device":{"name":"y"}}}',
  });
  using configured = await place.configure({
    backends: { o: "http://o" },
    catchAll: "http://all",
    configStores: { one: place.at("config.json") },
    secretStores: { two: place.at("secret.json") },
    kvStores: { three: place.at("kv.json"), empty: undefined },
    acls: { four: place.at("acl.json") },
    geo: place.at("geo.json"),
    device: place.at("device.json"),
    verbosity: 2,
    cache: false,
    loopGuard: true,
    allowUnlimited: true,
    trustProxy: ["loopback"],
    errors: "brief",
    imageOptimizer: false,
  });
  // The authorities are those of the machine that runs the tests; the loader of components is always there.
  const { configStores, geo, devices, log, ca: _, components, ...others } = configured.options;
  assertEquals(others, {
    backends: { o: "http://o" },
    catchAll: "http://all",
    secretStores: { two: { b: "2" } },
    kvStores: { three: { c: { value: "3", metadata: "m" } }, empty: {} },
    acls: { four: [{ prefix: "10.0.0.0/8", action: "BLOCK" }] },
    limits: {},
    logHostcalls: true,
    cache: false,
    loopGuard: true,
    allowUnlimited: true,
    trustProxy: ["loopback"],
    errors: "brief",
    reuse: "auto",
  });
  assert(components);
  const one = configStores?.one;
  assertEquals(typeof one === "function" && one(), { a: "1" });
  assertEquals(geo?.("10.1.1.1"), { city: "x" });
  assertEquals(devices?.("ua"), { device: { name: "y" } });
  assert(log);
});

Deno.test("flags win over the manifest, name by name", async () => {
  await using place = await Place.with({
    "fastly.toml": `[local_server]
      backends.a.url = "http://manifest"
      backends.b.url = "http://manifest"
      kv_stores.a = [{ key = "k", data = "manifest" }]
      kv_stores.b = [{ key = "k", data = "manifest" }]
      secret_stores.a = [{ key = "k", data = "manifest" }]
      acls.a = "acl.json"
      geolocation = { format = "inline-toml", addresses."10.0.0.1".city = "manifest" }
      limits = { queue = 5, wall_time = "1m" }
      [local_server.log_endpoints]
      a = { file = "manifest.log", format = "json" }`,
    "acl.json": ACL,
    "none.json": '{"entries":[]}',
    "flag.json": '{"k":"flag"}',
    "geo.json": "{}",
  });
  using configured = await place.configure({
    config: place.at("fastly.toml"),
    backends: { a: "http://flag" },
    kvStores: { a: place.at("flag.json") },
    secretStores: { c: place.at("flag.json") },
    acls: { a: place.at("none.json") },
    geo: place.at("geo.json"),
    logEndpoints: { a: place.at("flag.log") },
    limits: { wall_time: 300 },
  });
  const { backends, kvStores, secretStores, acls, geo, limits, log } = configured.options;
  assertEquals(limits, { queue: 5, wall_time: 300 });
  assertEquals(backends as unknown, { a: "http://flag", b: { url: "http://manifest" } });
  assertEquals(kvStores, { a: { k: "flag" }, b: { k: "manifest" } });
  assertEquals(secretStores, { a: { k: "manifest" }, c: { k: "flag" } });
  assertEquals(acls, { a: [] });
  assertEquals(geo?.("10.0.0.1"), undefined);
  log?.({ kind: "endpoint", requestId: "1", endpoint: "a", message: "text" });
  configured[Symbol.dispose]();
  assertEquals(await Deno.readTextFile(place.at("flag.log")), "text\n");
});

Deno.test("records go to files, as JSON or to the terminal, as their endpoint asks", async () => {
  await using place = await Place.with({
    "fastly.toml": `[local_server.log_endpoints]
      plain = { file = "plain.log" }
      structured = { file = "both.log", format = "json" }
      same = { file = "both.log", format = "json" }
      shown = { format = "json" }`,
    "plain.log": "from before\n",
  });
  using configured = await place.configure({ config: place.at("fastly.toml") });
  const record = (endpoint: string, message: string) =>
    configured.options.log!({ kind: "endpoint", requestId: "7", endpoint, message });
  record("plain", "one");
  record("plain", "");
  record("plain", "two");
  record("structured", 'a "quote"');
  record("same", "b\nc");
  record("shown", "d");
  record("other", "e");
  configured.options.log!({ kind: "stdout", requestId: "7", message: "f" });
  configured[Symbol.dispose]();
  assertEquals(await Deno.readTextFile(place.at("plain.log")), "from before\none\ntwo\n");
  const lines = (await Deno.readTextFile(place.at("both.log"))).trimEnd().split("\n");
  const [structured, same] = lines.map((line) => JSON.parse(line));
  assertMatch(structured.time, /^20\d\d-\d\d-\d\dT[\d:.]+Z$/);
  assertEquals(structured, {
    time: structured.time,
    endpoint: "structured",
    requestId: "7",
    message: 'a "quote"',
  });
  assertEquals([same.endpoint, same.message], ["same", "b\nc"]);
  const [shown, ...others] = place.said;
  assertEquals(JSON.parse(shown!).message, "d");
  assertEquals(others, ["endpoint", "stdout"]);
});

Deno.test("--log-format json is for every endpoint that does not say something else", async () => {
  await using place = await Place.with({
    "fastly.toml": '[local_server.log_endpoints]\nplain = { format = "text" }',
  });
  using configured = await place.configure({
    config: place.at("fastly.toml"),
    logFormat: "json",
    logEndpoints: { filed: place.at("filed.log") },
  });
  for (const endpoint of ["plain", "any", "filed"]) {
    configured.options.log!({ kind: "endpoint", requestId: "1", endpoint, message: "m" });
  }
  configured[Symbol.dispose]();
  assertEquals([place.said[0], JSON.parse(place.said[1]!).endpoint], ["endpoint", "any"]);
  assertEquals(JSON.parse(await Deno.readTextFile(place.at("filed.log"))).endpoint, "filed");
});

Deno.test("--env reads the variant beside the manifest", async () => {
  await using place = await Place.with({
    "fastly.toml": '[local_server.backends.o]\nurl = "http://plain"',
    "fastly.stage.toml": '[local_server.backends.o]\nurl = "http://stage"',
  });
  using configured = await place.configure({ config: place.at("fastly.toml"), env: "stage" });
  assertEquals(configured.options.backends as unknown, { o: { url: "http://stage" } });
  const error = await assertRejects(
    () => place.configure({ config: place.at("fastly.toml"), env: "prod" }),
    CommandError,
  );
  assertEquals(error.message, `Cannot read ${place.at("fastly.prod.toml")}: there is no such file`);
});

Deno.test("variables come from the environment, then from .env beside the manifest", async () => {
  await using place = await Place.with({
    "fastly.toml": `[local_server]
      backends.o.url = { env = "FASTLIKE_TEST_ORIGIN" }
      secret_stores.s = [
        { key = "home", env = "PATH" },
        { key = "quoted", env = "FASTLIKE_TEST_QUOTED" },
        { key = "none", env = "FASTLIKE_TEST_NONE" },
      ]`,
    ".env":
      '# comment\nexport FASTLIKE_TEST_ORIGIN=http://dot\nFASTLIKE_TEST_QUOTED="a b\\nc" # d\nPATH=no\n',
  });
  using configured = await place.configure({ config: place.at("fastly.toml") });
  assertEquals(configured.options.backends as unknown, { o: { url: "http://dot" } });
  assertEquals(configured.options.secretStores, {
    s: { home: Deno.env.get("PATH")!, quoted: "a b\nc", none: "" },
  });
  assertEquals(place.said.length, 1);
  assertMatch(place.said[0]!, /^warning: .*FASTLIKE_TEST_NONE, which is not set/);
});

Deno.test("a MaxMind database is read from the manifest and from the flag", async () => {
  await using place = await Place.with({
    "geo.mmdb": mmdbFile(6, [[bitsOf("192.0.2.0/24", 6), { city: { names: { en: "Tokyo" } } }]]),
    "fastly.toml": '[local_server.geolocation]\nfile = "geo.mmdb"',
  });
  for (const flags of [{ config: place.at("fastly.toml") }, { geo: place.at("geo.mmdb") }]) {
    using configured = await place.configure(flags);
    assertEquals(configured.options.geo?.("192.0.2.1")?.city, "Tokyo");
    assertEquals(configured.options.geo?.("127.0.0.1")?.city, "San Francisco");
  }
});

Deno.test("mistakes behind flags are one line that names flag and file", async () => {
  await using place = await Place.with({ "wrong.json": '{"a":1}', "no.mmdb": "x" });
  const [wrong, none] = [place.at("wrong.json"), place.at("none.json")];
  const cases: [flags: Partial<ServiceFlags>, message: string][] = [
    [
      { configStores: { s: none } },
      `Cannot use --config-store: key "file" in s names ${none}, which cannot be read: there is no such file`,
    ],
    [
      { configStores: { s: wrong } },
      `Cannot read ${wrong} (s in --config-store): key "a" must be a text in quotes`,
    ],
    [
      { secretStores: { "a b": wrong } },
      "Cannot use --secret-store: key \"a b\" must be a name of letters, digits, '_', '.' and '-'",
    ],
    [
      { kvStores: { s: wrong } },
      `Cannot read ${wrong} (s in --kv): key "a" must be a text, or an object with "data" or "file"`,
    ],
    [
      { acls: { a: wrong } },
      `Cannot read ${wrong} (--acl): key "a" is not known: there is only entries`,
    ],
    [
      { geo: wrong },
      `Cannot read ${wrong} (--geo): key "a" must be a table`,
    ],
    [
      { geo: place.at("no.mmdb") },
      `Cannot use --geo: key "file" names ${place.at("no.mmdb")}, which cannot be used: ` +
      "it is no MaxMind database",
    ],
    [
      { device: none },
      `Cannot use --device: key "file" names ${none}, which cannot be read: there is no such file`,
    ],
    [
      { logEndpoints: { a: place.folder } },
      `Cannot write ${place.folder}: it is a directory`,
    ],
    [{ config: place.folder }, `Cannot read ${place.folder}: it is a directory`],
  ];
  for (const [flags, message] of cases) {
    const error = await assertRejects(() => place.configure(flags), CommandError);
    assertEquals(error.message, message);
  }
});

const OPTIONS = new URL("../../cli/options.ts", import.meta.url).href;

/** Configures in a process of its own, since the working directory is the process's. */
async function configureIn(folder: string, flags: Partial<ServiceFlags>): Promise<string[]> {
  const program = `
    import { configure } from ${JSON.stringify(OPTIONS)};
    const terminal = { note: (level, message) => console.log(level + ": " + message) };
    const flags = ${JSON.stringify({ ...NO_FLAGS, ...flags })};
    const { options } = await configure(flags, terminal);
    console.log(JSON.stringify(options.backends));
  `;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  return decoder.decode(stdout).trimEnd().split("\n");
}

Deno.test("a fastly.toml in the working directory is found without a flag, and the detailed log says so", async () => {
  await using place = await Place.with({
    "fastly.toml": '[local_server.backends.o]\nurl = "http://found"',
    "other.toml": "",
    "fastly.stage.toml": '[local_server.backends.o]\nurl = "http://stage"',
  });
  assertEquals(await configureIn(place.folder, {}), [
    "debug: Reading fastly.toml of the working directory; -C names another one",
    '{"o":{"url":"http://found"}}',
  ]);
  assertEquals(await configureIn(place.folder, { config: "other.toml" }), ["{}"]);
  assertEquals(await configureIn(place.folder, { env: "stage" }), ['{"o":{"url":"http://stage"}}']);
});

Deno.test("without a fastly.toml there is nothing to read", async () => {
  await using place = await Place.with({});
  assertEquals(await configureIn(place.folder, {}), ["{}"]);
});

Deno.test("a file that is looked up is seen as it is, however soon after another edit it was edited", async () => {
  const city = (name: string) => `{"10.0.0.0/8":{"city":"${name}"}}`;
  await using place = await Place.with({ "geo.json": city("a") });
  using configured = await place.configure({ geo: place.at("geo.json") });
  const look = () => configured.options.geo!("10.1.2.3")?.city;
  for (const name of ["a", "b", "c"]) {
    await Deno.writeTextFile(place.at("geo.json"), city(name));
    assertEquals([look(), look()], [name, name]);
  }
  // Put in its place whole, as editors do, or with an older time, as copies have.
  for (const [name, time] of [["d", 2_000], ["e", 1_000], ["f", 1_000]] as const) {
    await Deno.writeTextFile(place.at("new.json"), city(name));
    await Deno.utime(place.at("new.json"), time, time);
    await Deno.rename(place.at("new.json"), place.at("geo.json"));
    assertEquals([look(), look()], [name, name]);
  }
  await Deno.remove(place.at("geo.json"));
  assertEquals(look(), "f");
  assertEquals(place.said.filter((line) => line.includes("cannot be read")).length, 1);
});
