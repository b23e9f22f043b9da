import { TestHost } from "../../testing.ts";
import { folderFixtures } from "../../testing/files.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { guestUrl } from "../guests/serving.ts";

Deno.test("a recording is a readable file for each backend, from which it is replayed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = folderFixtures(new URL(`file://${folder}/fixtures`));
    assertEquals(await store.load("origin"), undefined);
    const bytes = new Uint8Array([255, 0, 254]);
    const server = Deno.serve(
      { port: 0, onListen() {} },
      (request) =>
        request.url.endsWith("/bytes")
          ? new Response(bytes)
          : new Response("text", { headers: { "set-cookie": "a=secret" } }),
    );
    const backends = { origin: `http://127.0.0.1:${server.addr.port}` };
    {
      await using host = await TestHost.start({
        wasm: guestUrl("rust"),
        backends,
        record: store,
      });
      for (const path of ["text", "bytes"]) await (await host.fetch(`/proxy/${path}`)).bytes();
    }
    await server.shutdown();
    const text = await Deno.readTextFile(`${folder}/fixtures/origin.json`);
    assertStringIncludes(text, '"body": "text"');
    assertStringIncludes(text, '"base64": "/wD+"');
    assert(!text.includes("secret"));
    await using host = await TestHost.start({ wasm: guestUrl("rust"), backends, replay: store });
    assertEquals(await (await host.fetch("/proxy/bytes")).bytes(), bytes);
    assertEquals(await (await host.fetch("/proxy/text")).text(), "text");
    assertEquals(host.calls().length, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the name of a backend leads to no file outside the folder, and a damaged file is an error that names it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = folderFixtures(new URL(`file://${folder}/in/`));
    await store.save("../out", []);
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assertEquals(names, ["in"]);
    assertEquals(await store.load("../out"), []);
    await Deno.writeTextFile(`${folder}/in/origin.json`, "{");
    const error = await assertRejects(() => store.load("origin"), Error);
    assertStringIncludes(error.message, "record again");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
