import { readManifest } from "../../manifest.ts";
import { TestHost, UnmockedRequestError } from "../../testing.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { withFiles } from "../cli/commands.ts";
import { guestUrl } from "../guests/serving.ts";

const MANIFEST = `
[local_server.backends.origin]
url = "http://127.0.0.1:9"

[local_server.config_stores.settings]
format = "inline-toml"
[local_server.config_stores.settings.contents]
greeting = "from the file"

[local_server.kv_stores]
settings = [{ key = "theme", data = "dark" }]
`;

Deno.test("a host takes its stores from a fastly.toml, and its backends from the test", async () => {
  await withFiles({ "fastly.toml": MANIFEST }, async (folder) => {
    const manifest = await readManifest(`${folder}/fastly.toml`);
    await using host = await TestHost.start({
      wasm: guestUrl("rust"),
      ...manifest,
      backends: { origin: { "/known": { body: "mocked" } } },
      config: { more: { key: "from the test" } },
    });
    assertEquals(await (await host.fetch("/config?key=greeting")).text(), "from the file");
    assertEquals(await (await host.fetch("/kv/get?key=theme")).text(), "dark");
    await host.kv("settings").put("theme", "light");
    assertEquals(await (await host.fetch("/kv/get?key=theme")).text(), "light");
    assertEquals(await (await host.fetch("/proxy/known")).text(), "mocked");
    await assertRejects(() => host.fetch("/proxy/unknown"), UnmockedRequestError);
    await host.reset();
    assertEquals(await host.kv("settings").get("theme"), "dark");
  });
});
