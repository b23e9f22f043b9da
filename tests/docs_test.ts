import { parseBackends } from "../cli/manifest/backends.ts";
import { DEFAULT_LIMITS } from "../service/limits.ts";
import { parseManifest } from "../cli/manifest/mod.ts";
import { ConfigTable } from "../cli/manifest/table.ts";
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "./assert.ts";

const PAGE = await Deno.readTextFile(new URL("../docs/fastly.toml.md", import.meta.url));

/** The JSON files that the page shows: each is named in the paragraph before it. */
const FILES = new Map(
  Array.from(
    PAGE.matchAll(/^`([^`\n]+\.json)`(?:[^\n]+\n?)*?\n\n```json\n(.*?)^```$/gms),
    ([, name, content]) => [name!, content!],
  ),
);

const openDatabase = () => Promise.resolve(() => ({}));

/** Every example, under the heading it is in. */
const EXAMPLES = PAGE.split(/^## /m).slice(1).flatMap((section) => {
  const heading = section.split("\n")[0]!.replaceAll("`", "");
  return Array.from(section.matchAll(/^```toml\n(.*?)^```$/gms), ([, text]) => ({
    heading,
    text: text!,
  }));
});

function readAny(path: string): Uint8Array {
  const pem = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
  const content = /\.(pem|key)$/.test(path) ? pem : FILES.get(path);
  if (path.endsWith(".json")) assert(content, `the page does not show ${path}`);
  return new TextEncoder().encode(content ?? "any content");
}

for (const [index, { heading, text }] of EXAMPLES.entries()) {
  Deno.test(`example ${index + 1} of fastly.toml.md, for ${heading}, is read as it stands`, async () => {
    const warnings: string[] = [];
    const { options, logEndpoints, persist, store } = await parseManifest(text, "fastly.toml", {
      read: readAny,
      env: () => "https://example.com",
      warn: (line) => void warnings.push(line),
      openDatabase,
    });
    assertEquals(warnings, []);
    assertNotEquals({ ...options, ...logEndpoints, ...persist && { persist }, ...store }, {});
  });
}

Deno.test("the overview of fastly.toml.md has an example for each table", async () => {
  const { text } = EXAMPLES.find(({ heading }) => heading === "At a glance")!;
  const { options, logEndpoints } = await parseManifest(text, "fastly.toml", {
    read: () => new TextEncoder().encode('{"entries": []}'),
    env: () => "secret",
    warn: (line) => assert(false, line),
    openDatabase,
  });
  assertEquals(Object.keys({ ...options, logEndpoints }).sort(), [
    "acls",
    "backends",
    "clientFacts",
    "configStores",
    "devices",
    "geo",
    "kvStores",
    "logEndpoints",
    "secretStores",
    "shieldingSites",
  ]);
});

Deno.test("fastly.toml.md has an example for each table", () => {
  const tables =
    "backends config_stores kv_stores persist store secret_stores acls geolocation device_detection " +
    "shielding_sites fake_valid_fastly_keys log_endpoints limits";
  const headings = EXAMPLES.map(({ heading }) => heading).join("\n");
  for (const table of tables.split(" ")) assertStringIncludes(headings, table);
});

/** The keys that are looked for in a backend's table. */
function backendKeys(): string[] {
  const asked = new Set<string>();
  const backend = new Proxy({ url: "http://origin" }, {
    getOwnPropertyDescriptor(target, key) {
      asked.add(String(key));
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
    ownKeys: () => [],
  });
  const io = { read: readAny, env: () => undefined, warn() {}, openDatabase };
  parseBackends(new ConfigTable({ backend }, "", { task: "", title: "", folder: "", io }));
  return [...asked];
}

Deno.test("fastly.toml.md shows every key of a backend", () => {
  const shown = EXAMPLES.map(({ text }) => text).join("\n");
  const keys = backendKeys();
  assert(keys.includes("healthcheck"));
  for (const key of keys) {
    assert(new RegExp(`^${key} = |\\.${key}\\]$`, "m").test(shown), `${key} is not shown`);
  }
});

Deno.test("fastly.toml.md shows every limit with its default", async () => {
  const { text } = EXAMPLES.find(({ heading }) => heading.startsWith("limits"))!;
  const { options } = await parseManifest(text, "fastly.toml", {
    read: readAny,
    env: () => undefined,
    warn: (line) => assert(false, line),
    openDatabase,
  });
  assertEquals({ ...options.limits }, { ...DEFAULT_LIMITS });
});
