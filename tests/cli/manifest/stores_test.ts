import { assert, assertEquals } from "../../assert.ts";
import { assertRefused, options, read } from "./_manifest.ts";

const CONFIG_JSON = '[local_server.config_stores.s]\nformat = "json"\nfile = "s.json"';
const KV_JSON = '[local_server.kv_stores]\ns = { file = "s.json", format = "json" }';
const SECRET_JSON = '[local_server.secret_stores]\ns = { file = "s.json", format = "json" }';

for (const section of ["config_stores", "dictionaries"]) {
  Deno.test(`${section} hold texts that stand in the manifest`, async () => {
    const text = `[local_server.${section}."my store"]
      format = "inline-toml"
      [local_server.${section}."my store".contents]
      a = "b"
      "c d" = ""
      e = { env = "E" }`;
    assertEquals((await options(text, { env: { E: "f" } })).configStores, {
      "my store": { a: "b", "c d": "", e: "f" },
    });
  });
}

async function configStore(files: Record<string, string | Uint8Array>) {
  const { options, warnings } = await read(CONFIG_JSON, { files });
  const store = options.configStores?.s;
  assert(typeof store === "function");
  return { store, warnings };
}

Deno.test("a config store in a JSON file is read anew each time it is opened", async () => {
  const files = { "s.json": '{"a":"1"}' };
  const { store } = await configStore(files);
  assertEquals(store(), { a: "1" });
  files["s.json"] = '{"a":"2","b":""}';
  assertEquals(store(), { a: "2", b: "" });
});

Deno.test("a config store whose file has become wrong keeps its entries and warns once", async () => {
  const files: Record<string, string> = { "s.json": '{"a":"1"}' };
  const { store, warnings } = await configStore(files);
  const place = "(local_server.config_stores.s in fastly.toml)";
  files["s.json"] = '{"a":1}';
  assertEquals([store(), store()], [{ a: "1" }, { a: "1" }]);
  assertEquals(warnings, [`Cannot read s.json ${place}: key "a" must be a text in quotes`]);
  delete files["s.json"];
  assertEquals([store(), store()], [{ a: "1" }, { a: "1" }]);
  assertEquals(warnings.length, 2);
  files["s.json"] = '{"a":"3"}';
  assertEquals(store(), { a: "3" });
  assertEquals(warnings.length, 2);
});

Deno.test("limits of config stores count characters, not bytes", async () => {
  const [key, value] = ["é".repeat(256), "🙂".repeat(8000)];
  const { store } = await configStore({ "s.json": JSON.stringify({ [key]: value }) });
  assertEquals((store() as Record<string, string>)[key]?.length, 16_000);
});

for (const section of ["kv_stores", "object_stores", "object_store"]) {
  Deno.test(`${section} are lists of values and files`, async () => {
    const text = `[local_server.${section}]
      empty = []
      [[local_server.${section}.s]]
      key = "a"
      data = "text"
      [[local_server.${section}.s]]
      key = "b"
      file = "b.bin"
      metadata = "about b"
      [[local_server.${section}.s]]
      key = "c/d"
      path = "b.bin"
      [[local_server.${section}.s]]
      key = "__proto__"
      data = { env = "E" }`;
    const bytes = Uint8Array.of(0, 255);
    const found = await options(text, { files: { "b.bin": bytes }, env: { E: "e" } });
    assertEquals(found.kvStores?.empty, {});
    assertEquals(Object.entries(found.kvStores!.s!), [
      ["a", "text"],
      ["b", { value: bytes, metadata: "about b" }],
      ["c/d", bytes],
      ["__proto__", "e"],
    ]);
  });
}

Deno.test("the last value of a key counts", async () => {
  const text = `[local_server.kv_stores]
    s = [{ key = "a", data = "1" }, { key = "a", data = "2" }]`;
  assertEquals((await options(text)).kvStores, { s: { a: "2" } });
});

Deno.test("a KV store in a JSON file has texts, or objects with a text or a file", async () => {
  const json = {
    a: "text",
    b: { data: "more" },
    c: { file: "c.bin", metadata: "about c" },
  };
  const files = { "app/s.json": JSON.stringify(json), "app/c.bin": Uint8Array.of(1) };
  assertEquals((await options(KV_JSON, { files, file: "app/fastly.toml" })).kvStores, {
    s: { a: "text", b: "more", c: { value: Uint8Array.of(1), metadata: "about c" } },
  });
});

Deno.test("secret stores are lists of texts, files and variables", async () => {
  const text = `[local_server]
    secret_stores.empty = []
    secret_stores."my-store_1.x" = [
      { key = "a", data = "text" },
      { key = "b", file = "b.bin" },
      { key = "c", env = "SECRET" },
      { key = "d", data = { env = "SECRET" } },
    ]`;
  const bytes = Uint8Array.of(0, 255);
  const found = await options(text, { files: { "b.bin": bytes }, env: { SECRET: "s" } });
  assertEquals(found.secretStores, {
    empty: {},
    "my-store_1.x": { a: "text", b: bytes, c: "s", d: "s" },
  });
});

Deno.test("a secret of a variable that is not set is empty, with a warning", async () => {
  const text = '[local_server.secret_stores]\ns = [{ key = "a", env = "NONE" }]';
  const { options, warnings } = await read(text);
  assertEquals(options.secretStores, { s: { a: "" } });
  assertEquals(warnings, [
    'fastly.toml: key "env" in local_server.secret_stores.s[0] names the environment variable ' +
    "NONE, which is not set: the secret is empty",
  ]);
});

Deno.test("a secret store in a JSON file has texts", async () => {
  const files = { "s.json": '\ufeff{"a":"1","b":""}' };
  assertEquals((await options(SECRET_JSON, { files })).secretStores, { s: { a: "1", b: "" } });
});

const CONFIG = "in local_server.config_stores.s";
const BAD_CONFIG_STORES: [value: string, message: string][] = [
  ["'x'", 'key "s" in local_server.config_stores must be a table'],
  ["{}", `key "format" is missing ${CONFIG}`],
  ["{ format = 'toml' }", `key "format" ${CONFIG} must be "inline-toml" or "json"`],
  ["{ format = 1 }", `key "format" ${CONFIG} must be a text in quotes`],
  ["{ format = 'inline-toml' }", `key "contents" is missing ${CONFIG}`],
  ["{ format = 'inline-toml', contents = 'x' }", `key "contents" ${CONFIG} must be a table`],
  [
    "{ format = 'inline-toml', contents = { a = 1 } }",
    `key "a" ${CONFIG}.contents must be a text in quotes`,
  ],
  [
    "{ format = 'inline-toml', file = 'x' }",
    `key "file" ${CONFIG} is not known: there are format, contents`,
  ],
  ["{ format = 'json' }", `key "file" is missing ${CONFIG}`],
  [
    "{ format = 'json', file = 'x', contents = {} }",
    `key "contents" ${CONFIG} is not known: there are format, file`,
  ],
  [
    "{ format = 'json', file = 'x' }",
    `key "file" ${CONFIG} names x, which cannot be read: there is no such file`,
  ],
  [
    `{ format = 'inline-toml', contents = { ${"k".repeat(257)} = 'x' } }`,
    `key "${"k".repeat(60)}…" ${CONFIG}.contents is longer than 256 characters`,
  ],
  [
    `{ format = 'inline-toml', contents = { k = '${"v".repeat(8001)}' } }`,
    `key "k" ${CONFIG}.contents has a value longer than 8000 characters`,
  ],
];
for (const [value, message] of BAD_CONFIG_STORES) {
  Deno.test(`the config store ${value.slice(0, 70)} is refused`, () =>
    assertRefused(`[local_server.config_stores]\ns = ${value}`, message));
}

const KV = "in local_server.kv_stores";
const LIST_OR_FILE = `key "s" ${KV} must be a list of tables, or a table with file and format`;
const BAD_KV_STORES: [value: string, message: string][] = [
  ["'x'", LIST_OR_FILE],
  ["1", LIST_OR_FILE],
  ["['x']", LIST_OR_FILE],
  ["[[]]", LIST_OR_FILE],
  ["{}", `key "file" is missing ${KV}.s`],
  ["{ format = 'json' }", `key "file" is missing ${KV}.s`],
  ["{ file = 'x' }", `key "format" is missing ${KV}.s`],
  ["{ file = 'x', format = 'toml' }", `key "format" ${KV}.s must be "json"`],
  ["{ file = 'x', format = 1 }", `key "format" ${KV}.s must be a text in quotes`],
  ["{ file = 1, format = 'json' }", `key "file" ${KV}.s must be a text in quotes`],
  ["{ data = 'x' }", `${LIST_OR_FILE}: did you mean [[local_server.kv_stores.s]]?`],
  [
    "{ file = 'x', format = 'json' }",
    `key "file" ${KV}.s names x, which cannot be read: there is no such file`,
  ],
  ["[{ data = 'x' }]", `key "key" is missing ${KV}.s[0]`],
  ["[{ key = 1, data = 'x' }]", `key "key" ${KV}.s[0] must be a text in quotes`],
  ["[{ key = 'a' }]", `key "data" or "file" or "path" is missing ${KV}.s[0]`],
  ["[{ key = 'a', data = 1 }]", `key "data" ${KV}.s[0] must be a text in quotes`],
  [
    "[{ key = 'a', data = { env = 'N' } }]",
    `key "env" ${KV}.s[0].data names the environment variable N, which is not set`,
  ],
  ["[{ key = 'a', data = 'x', file = 'y' }]", `keys "data" and "file" are both ${KV}.s[0]`],
  ["[{ key = 'a', file = 'x', path = 'y' }]", `keys "file" and "path" are both ${KV}.s[0]`],
  [
    "[{ key = 'a', data = 'x', metadata = 1 }]",
    `key "metadata" ${KV}.s[0] must be a text in quotes`,
  ],
  [
    "[{ key = 'a', data = 'x', ttl = 1 }]",
    `key "ttl" ${KV}.s[0] is not known: there are metadata, key, data, file, path`,
  ],
  [
    "[{ key = 'a', data = 'x' }, { key = 'b', file = 'x' }]",
    `key "file" ${KV}.s[1] names x, which cannot be read: there is no such file`,
  ],
];
for (const [value, message] of BAD_KV_STORES) {
  Deno.test(`the KV store ${value} is refused`, () =>
    assertRefused(`[local_server.kv_stores]\ns = ${value}`, message));
}

const BAD_KEYS = [
  "",
  "k".repeat(1025),
  "a\rb",
  "a\nb",
  "a#b",
  "a;b",
  "a?b",
  "a^b",
  "a|b",
  ".",
  "..",
  "a/../b",
  ".well-known/acme-challenge/x",
];
for (const key of BAD_KEYS) {
  const shown = JSON.stringify(key.slice(0, 40));
  Deno.test(`the KV key ${shown} is refused in the manifest and in a JSON file`, async () => {
    for (
      const [text, files] of [
        [`[local_server.kv_stores]\ns = [{ key = ${JSON.stringify(key)}, data = "x" }]`, {}],
        [KV_JSON, { "s.json": JSON.stringify({ [key]: "x" }) }],
      ] as const
    ) {
      const error = await options(text, { files }).then(() => undefined, (error) => error);
      assert(error?.message.startsWith("Cannot read "), `it was taken: ${shown}`);
      assert(error.message.length < 250 && !error.message.includes("\n"), error.message);
    }
  });
}

const IN_FILE = "Cannot read s.json (local_server.kv_stores.s in fastly.toml)";
const BAD_KV_FILES: [json: string, message: string][] = [
  ["[]", `${IN_FILE}: it is not an object`],
  ["null", `${IN_FILE}: it is not an object`],
  ['{"a":1}', `${IN_FILE}: key "a" must be a text, or an object with "data" or "file"`],
  ['{"a":["x"]}', `${IN_FILE}: key "a" must be a text, or an object with "data" or "file"`],
  ['{"a":{}}', `${IN_FILE}: key "data" or "file" is missing in a`],
  ['{"a":{"data":"x","file":"y"}}', `${IN_FILE}: keys "data" and "file" are both in a`],
  ['{"a":{"data":1}}', `${IN_FILE}: key "data" in a must be a text in quotes`],
  [
    '{"a":{"body":"x"}}',
    `${IN_FILE}: key "body" in a is not known: there are metadata, data, file`,
  ],
  ['{"a":{"data":"x","metadata":{}}}', `${IN_FILE}: key "metadata" in a must be a text in quotes`],
  [
    '{"a":{"file":"x"}}',
    `${IN_FILE}: key "file" in a names x, which cannot be read: there is no such file`,
  ],
];
for (const [json, message] of BAD_KV_FILES) {
  Deno.test(`a KV store with the file ${json} is refused`, () =>
    assertRefused(KV_JSON, message, { files: { "s.json": json } }));
}

const SECRET = "in local_server.secret_stores";
const NAME = "must be a name of letters, digits, '_', '.' and '-'";
const BAD_SECRET_STORES: [value: string, message: string][] = [
  ["'x'", `key "s" ${SECRET} must be a list of tables, or a table with file and format`],
  ["[1]", `key "s" ${SECRET} must be a list of tables, or a table with file and format`],
  ["{}", `key "file" is missing ${SECRET}.s`],
  ["{ file = 'x' }", `key "format" is missing ${SECRET}.s`],
  ["{ file = 'x', format = 'xml' }", `key "format" ${SECRET}.s must be "json"`],
  [
    "{ file = 'x', format = 'json' }",
    `key "file" ${SECRET}.s names x, which cannot be read: there is no such file`,
  ],
  ["[{ data = 'x' }]", `key "key" is missing ${SECRET}.s[0]`],
  ["[{ key = 1, data = 'x' }]", `key "key" ${SECRET}.s[0] must be a text in quotes`],
  ["[{ key = '', data = 'x' }]", `key "key" ${SECRET}.s[0] ${NAME}`],
  ["[{ key = '*', data = 'x' }]", `key "key" ${SECRET}.s[0] ${NAME}`],
  ["[{ key = 'é', data = 'x' }]", `key "key" ${SECRET}.s[0] ${NAME}`],
  [
    `[{ key = '${"k".repeat(256)}', data = 'x' }]`,
    `key "key" ${SECRET}.s[0] is longer than 255 characters`,
  ],
  ["[{ key = 'a' }]", `key "data" or "file" or "env" is missing ${SECRET}.s[0]`],
  ["[{ key = 'a', data = 1 }]", `key "data" ${SECRET}.s[0] must be a text in quotes`],
  ["[{ key = 'a', env = 1 }]", `key "env" ${SECRET}.s[0] must be a text in quotes`],
  ["[{ key = 'a', data = 'x', env = 'y' }]", `keys "data" and "env" are both ${SECRET}.s[0]`],
  ["[{ key = 'a', data = 'x', file = 'y' }]", `keys "data" and "file" are both ${SECRET}.s[0]`],
  [
    "[{ key = 'a', path = 'x' }]",
    `key "path" ${SECRET}.s[0] is not known: there are key, data, file, env`,
  ],
  [
    "[{ key = 'a', file = 'x' }]",
    `key "file" ${SECRET}.s[0] names x, which cannot be read: there is no such file`,
  ],
];
for (const [value, message] of BAD_SECRET_STORES) {
  Deno.test(`the secret store ${value.slice(0, 70)} is refused`, () =>
    assertRefused(`[local_server.secret_stores]\ns = ${value}`, message));
}

Deno.test("a secret store's own name follows the same rule", async () => {
  await assertRefused('[local_server.secret_stores]\n"a b" = []', `key "a b" ${SECRET} ${NAME}`);
});

const IN_SECRETS = "Cannot read s.json (local_server.secret_stores.s in fastly.toml)";
const BAD_SECRET_FILES: [content: string | Uint8Array, message: string][] = [
  ['"x"', `${IN_SECRETS}: it is not an object`],
  ['{"a":{"data":"x"}}', `${IN_SECRETS}: key "a" must be a text in quotes`],
  ['{"a b":"x"}', `${IN_SECRETS}: key "a b" ${NAME}`],
  [Uint8Array.of(255), `key "file" ${SECRET}.s names s.json, which is not UTF-8`],
];
for (const [content, message] of BAD_SECRET_FILES) {
  Deno.test(`a secret store with the file ${content} is refused`, () =>
    assertRefused(SECRET_JSON, message, { files: { "s.json": content } }));
}

Deno.test("a file that is no JSON is refused in one line", async () => {
  const error = await options(KV_JSON, { files: { "s.json": '{\n"a": x\n}' } })
    .then(() => undefined, (error) => error);
  assert(error.message.startsWith(`${IN_FILE}: it is not JSON: `), error.message);
  assert(!error.message.includes("\n"));
});
