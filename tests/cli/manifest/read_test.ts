import { Fastlike } from "../../../mod.ts";
import {
  ManifestError,
  type ManifestOptions,
  readLocalServer,
  readManifest,
} from "../../../manifest.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { guestUrl } from "../../guests/serving.ts";
import { withFiles } from "../commands.ts";

const MANIFEST = `[local_server.backends.origin]
url = { env = "ORIGIN" }
[local_server.kv_stores.pages]
file = "pages.json"
format = "json"
[local_server.limits]
queue = 7
[local_server.log_endpoints.access]
file = "access.log"
[local_server.persist]
path = "kept"
`;
const FILES = {
  "fastly.toml": MANIFEST,
  "pages.json": '{"home":"hello"}',
  ".env": "ORIGIN=http://from-file.test",
};
const OPTIONS: ManifestOptions = {
  backends: { origin: { url: "http://from-file.test" } },
  kvStores: { pages: { home: "hello" } },
  limits: { queue: 7 },
};

Deno.test("readManifest gives the options of a fastly.toml by its path and by its URL", async () => {
  await withFiles(FILES, async (folder) => {
    for (const path of [`${folder}/fastly.toml`, new URL(`file://${folder}/fastly.toml`)]) {
      assertEquals({ ...await readManifest(path) }, OPTIONS);
    }
    const env = (name: string) => `http://${name.toLowerCase()}.test`;
    const { backends } = await readManifest(`${folder}/fastly.toml`, { env });
    assertEquals({ ...backends } as unknown, { origin: { url: "http://origin.test" } });
  });
});

Deno.test("readLocalServer also gives log endpoints and the folder of stores", async () => {
  await withFiles(FILES, async (folder) => {
    const { options, logEndpoints, persist } = await readLocalServer(`${folder}/fastly.toml`);
    assertEquals({ ...options }, OPTIONS);
    assertEquals({ ...logEndpoints.access }, { file: `${folder}/access.log` });
    assertEquals(persist, `${folder}/kept`);
  });
});

Deno.test("a missing or invalid manifest rejects with one line, and warnings are passed on", async () => {
  const toml = "[local_server.backend.x]\n";
  await withFiles({ "near.toml": toml, "wrong.toml": "[local_server.backends.x]" }, async (at) => {
    const missing = await assertRejects(() => readManifest(`${at}/no.toml`), ManifestError);
    assertEquals(missing.message, `Cannot read ${at}/no.toml: there is no such file`);
    const wrong = await assertRejects(() => readManifest(`${at}/wrong.toml`), ManifestError);
    assertEquals(
      wrong.message,
      `Cannot read ${at}/wrong.toml: key "url" is missing in local_server.backends.x`,
    );
    const warnings: string[] = [];
    await readManifest(`${at}/near.toml`, { warn: (line) => void warnings.push(line) });
    assertEquals(warnings, [
      `${at}/near.toml: key "backend" in local_server is not known: did you mean backends?`,
    ]);
  });
});

Deno.test("a program runs with the options of its fastly.toml, and with others beside them", async () => {
  await withFiles(FILES, async (folder) => {
    await using app = await Fastlike.load(guestUrl("rust"), {
      ...await readManifest(`${folder}/fastly.toml`),
      backends: { origin: () => new Response("mocked") },
    });
    const response = await app.handler(new Request("http://localhost/proxy/"));
    assertEquals(await response.text(), "mocked");
  });
});
