/**
 * Names that guests, clients and files choose never reach the host's own objects: properties that every object of
 * JavaScript inherits are absent unless they are defined, and can be defined like other names.
 *
 * @module
 */
import { Backends } from "../../service/backends/backends.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { DEFAULT_LIMITS } from "../../service/limits.ts";
import { EMPTY } from "../../service/http/bytes.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { demangle } from "../../wasm/demangle.ts";
import { assert, assertEquals } from "../assert.ts";
import { fetchRaw, valuesOf } from "../guests/http.ts";
import { serveGuest, startOrigin } from "../guests/serving.ts";
import { options } from "../cli/manifest/_manifest.ts";
import { clearOrigin } from "../service/backends/http2_origins.ts";
import { type Bench, bench, BUF, INVALID_HANDLE, OUT, OUT2, XqdStatus } from "./_bench.ts";

const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "__defineGetter__",
  "__lookupSetter__",
];
const { ok, none, inval } = XqdStatus;
const REQ = "fastly_http_req";

function nothingIsPolluted(): void {
  const found: string[] = [];
  for (const key in {}) found.push(key);
  assertEquals(found, []);
  assertEquals(Reflect.ownKeys(Object.prototype).length, PROTOTYPE_KEYS);
}
const PROTOTYPE_KEYS = Reflect.ownKeys(Object.prototype).length;

/** Returns the results of all look-ups by a name. */
async function lookUp(b: Bench, name: string): Promise<Record<string, unknown>> {
  const text = async (module: string, call: string, ...args: (string | number)[]) => {
    const { status, text } = await b.read(module, call, args);
    return status === ok ? text : status;
  };
  const opened = (module: string) => {
    const status = b.now(module, "open", name, OUT);
    return status === ok ? b.memory.u32(OUT) : undefined;
  };
  const found: Record<string, unknown> = {};
  for (const module of ["fastly_config_store", "fastly_dictionary"]) {
    const store = opened(module);
    found[module] = store === undefined ? undefined : await text(module, "get", store, name);
  }
  const secrets = opened("fastly_secret_store");
  if (secrets !== undefined) {
    const secret = await b.got("fastly_secret_store", "get", secrets, name);
    found.secret = await text("fastly_secret_store", "plaintext", secret);
  }
  for (const module of ["fastly_kv_store", "fastly_object_store"]) {
    const status = b.now(module, "open", name, OUT);
    found[module] = status === ok && b.memory.u32(OUT) < 0xffff_fff0;
  }
  found.acl = b.now("fastly_acl", "open", name, OUT) === ok;
  found.backend = await b.got("fastly_backend", "exists", name);
  found.shield = b.now("fastly_shielding", "shield_info", name, BUF, 100, OUT) === ok;
  found.device = await text("fastly_device_detection", "lookup", name);
  found.penalty = await b.got("fastly_erl", "penaltybox_has", name, name);
  found.rate = await b.got("fastly_erl", "ratecounter_lookup_count", name, name, 60);
  return found;
}

const ABSENT = {
  fastly_config_store: undefined,
  fastly_dictionary: undefined,
  fastly_kv_store: false,
  fastly_object_store: false,
  acl: false,
  backend: 0,
  shield: false,
  device: none,
  penalty: 0,
  rate: 0,
};
const PRESENT = {
  fastly_config_store: "value",
  fastly_dictionary: "value",
  secret: "value",
  fastly_kv_store: true,
  fastly_object_store: true,
  acl: true,
  backend: 1,
  shield: true,
  device: '{"device":{"name":"value"}}',
  penalty: 0,
  rate: 0,
};

/** A manifest in which everything has the name. */
function manifestOf(name: string): string {
  return `[local_server.config_stores."${name}"]
    format = "inline-toml"
    contents = { "${name}" = "value" }
    [[local_server.secret_stores."${name}"]]
    key = "${name}"
    data = "value"
    [[local_server.kv_stores."${name}"]]
    key = "${name}"
    data = "value"
    [local_server.acls]
    "${name}" = "acl.json"
    [local_server.backends."${name}"]
    url = "http://127.0.0.1:1"
    [local_server.shielding_sites]
    "${name}" = "Local"
    [local_server.device_detection]
    format = "inline-toml"
    [local_server.device_detection.user_agents."${name}".device]
    name = "value"`;
}

/** The same in files of JSON. */
function jsonOf(name: string): { text: string; files: Record<string, string> } {
  return {
    text: `[local_server.config_stores."${name}"]
      format = "json"
      file = "texts.json"
      [local_server.secret_stores]
      "${name}" = { file = "texts.json", format = "json" }
      [local_server.kv_stores]
      "${name}" = { file = "texts.json", format = "json" }
      [local_server.acls]
      "${name}" = "acl.json"
      [local_server.backends."${name}"]
      url = "http://127.0.0.1:1"
      [local_server.shielding_sites]
      "${name}" = "Local"
      [local_server.device_detection]
      format = "json"
      file = "devices.json"`,
    files: {
      "texts.json": `{"${name}": "value"}`,
      "devices.json": `{"${name}": {"device": {"name": "value"}}}`,
    },
  };
}

const ACL = { "acl.json": '{"entries": [{"prefix": "127.0.0.1", "action": "ALLOW"}]}' };

for (const name of NAMES) {
  Deno.test(`${name} is absent where nothing is defined, and where other names are`, async () => {
    for (const given of [{}, await options(manifestOf("other"), { files: ACL })]) {
      using b = bench(given as ServiceOptions);
      assertEquals(await lookUp(b, name), { ...ABSENT, ...given.devices ? {} : { device: none } });
    }
    nothingIsPolluted();
  });

  Deno.test(`${name} is a key like others in stores that are there`, async () => {
    const entries = { other: "1" };
    using b = bench({
      configStores: { s: entries },
      secretStores: { s: entries },
      kvStores: { s: entries },
    });
    const config = await b.got("fastly_config_store", "open", "s");
    assertEquals((await b.read("fastly_config_store", "get", [config, name])).status, none);
    const secrets = await b.got("fastly_secret_store", "open", "s");
    assertEquals(b.now("fastly_secret_store", "get", secrets, name, OUT), none);
    const kv = await b.got("fastly_object_store", "open", "s");
    const lookup = () => b.call("fastly_object_store", "lookup", kv, name, OUT2);
    b.memory.setU32(OUT2, INVALID_HANDLE);
    assertEquals([await lookup(), b.memory.u32(OUT2)], [ok, INVALID_HANDLE]);
    const body = await b.body("value");
    assertEquals(await b.call("fastly_object_store", "insert", kv, name, body), ok);
    assertEquals(await lookup(), ok);
    assertEquals(await b.drain(b.memory.u32(OUT2)), "value");
    nothingIsPolluted();
  });

  Deno.test(`${name} is found where a fastly.toml, or its files, define it`, async () => {
    const { text, files } = jsonOf(name);
    for (
      const given of [
        await options(manifestOf(name), { files: ACL }),
        await options(text, { files: { ...files, ...ACL } }),
      ]
    ) {
      using b = bench(given);
      assertEquals(await lookUp(b, name), PRESENT);
    }
    nothingIsPolluted();
  });

  Deno.test(`${name} is a backend, a counter and a log endpoint like others`, async () => {
    using b = bench({ catchAll: () => new Response("caught") });
    const request = await b.request();
    assertEquals(
      await b.call(REQ, "send", request, await b.body(), name, OUT, OUT + 4),
      ok,
    );
    assertEquals(await b.drain(b.memory.u32(OUT + 4)), "caught");
    assertEquals(b.now("fastly_erl", "ratecounter_increment", name, name, 2), ok);
    assertEquals(await b.got("fastly_erl", "ratecounter_lookup_count", name, name, 60), 2);
    assertEquals(b.now("fastly_erl", "penaltybox_add", name, name, 60), ok);
    assertEquals(await b.got("fastly_erl", "penaltybox_has", name, name), 1);
    await b.got("fastly_log", "write", await b.got("fastly_log", "endpoint_get", name), name);
    const [entry] = b.logs;
    assertEquals(entry?.kind === "endpoint" && [entry.endpoint, entry.message], [name, name]);
    nothingIsPolluted();
  });

  Deno.test(`${name} is a header field like others`, async () => {
    using b = bench({}, { headers: ["Host", "a", name, "1", name.toUpperCase(), "2"] });
    const { request } = b.sandbox.requests.downstream;
    assertEquals((await b.page(REQ, "header_values_get", [request, name])).values, ["1", "2"]);
    const own = await b.request();
    assertEquals((await b.read(REQ, "header_value_get", [own, name])).status, inval);
    assertEquals(b.now(REQ, "header_insert", own, name, "x"), ok);
    assertEquals((await b.read(REQ, "header_value_get", [own, name])).text, "x");
    nothingIsPolluted();
  });

  Deno.test(`${name} is a variable of the environment, and the name of no fact`, () => {
    using b = bench({ env: { [name]: "value" }, factsPrefix: "x-" }, {
      headers: [`x-${name}`, "1", `x-fastly-bot-${name}`, "1", "x-fastly-bot-category", name],
    });
    assert(Object.hasOwn(b.service.environment.variables(b.sandbox.id), name));
    const { request } = b.sandbox.requests.downstream;
    const kind = "downstream_bot_category_kind";
    assertEquals(b.now("fastly_http_downstream", kind, request, OUT), none);
    nothingIsPolluted();
  });

  Deno.test(`${name} in a function's name stays as it is`, () => {
    assertEquals(demangle(`_ZN${name.length + 2}$${name}$E`), `$${name}$`);
  });
}

Deno.test("a header named as a member of objects goes through to backends and back", async () => {
  const fields = NAMES.map((name) => [name.toLowerCase(), `of ${name}`] as const);
  const origin = await startOrigin((_, response) => {
    response.writeHead(200, fields.flat());
    response.end("ok");
  });
  await using served = await serveGuest("rust", { backends: { origin: origin.url } });
  const headers = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const response = await fetchRaw(served.port, "/proxy/", { headers });
  const { headers: seen } = origin.seen[0]!;
  for (const [name, value] of fields) {
    assertEquals(seen[seen.findIndex((text) => text.toLowerCase() === name) + 1], value, name);
    assertEquals(valuesOf(response, name), [value]);
  }
  await origin[Symbol.asyncDispose]();
  nothingIsPolluted();
});

Deno.test("a header named as a member of objects goes over HTTP/2", async () => {
  const fields = NAMES.map((name) => [name.toLowerCase(), `of ${name}`] as const);
  const seen: string[][] = [];
  const origin = await clearOrigin((stream, _headers, raw) => {
    seen.push([...raw]);
    stream.respond({ ":status": 200 });
    stream.end("ok");
  });
  const backends = new Backends({});
  const inFlight = backends.make("origin", { url: origin.url, grpc: true }).send({
    method: "GET",
    url: "http://a.test/",
    headers: new HeaderList(fields.flat()),
    framing: "automatic",
    body: EMPTY,
    gunzip: false,
    limits: DEFAULT_LIMITS,
    requestId: "0",
  });
  assertEquals((await inFlight.response).status, 200);
  const [raw] = seen;
  for (const [name, value] of fields) assertEquals(raw![raw!.indexOf(name) + 1], value, name);
  backends.close();
  await origin.close();
  nothingIsPolluted();
});

Deno.test("a function's name with a character that there is not stays as it is", () => {
  for (const code of ["u110000", "uffffffffffffffff", "u"]) {
    assertEquals(demangle(`_ZN${code.length + 2}$${code}$E`), `$${code}$`);
  }
  assertEquals(demangle("_ZN5$u20$E"), " ");
});
