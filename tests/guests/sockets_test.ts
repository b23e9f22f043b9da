import { Fastlike } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { keepingOrigin } from "../service/backends/origins.ts";
import { guestUrl, testGuest } from "./serving.ts";

testGuest("rust", "disposal closes all connections to backends, defined and dynamic", async () => {
  const origin = keepingOrigin();
  const app = await Fastlike.load(guestUrl("rust"), { backends: { origin: origin.url } });
  const { host } = new URL(origin.url);
  for (
    const path of [
      "/proxy/a",
      `/dynamic?target=${host}`,
      `/dynamic?target=localhost:${host.split(":")[1]}`,
    ]
  ) {
    const response = await app.handler(new Request(`http://test.example${path}`));
    assertEquals([response.status, await response.text()], [200, "ok"]);
  }
  assertEquals(origin.connections(), 3);
  await app[Symbol.asyncDispose]();
  await origin.atMost(0);
  await origin.close();
});

testGuest("rust", "a process ends by itself once its app is disposed of", async () => {
  const origin = keepingOrigin();
  const { host } = new URL(origin.url);
  const script = `
    import { Fastlike } from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
    const app = await Fastlike.load(new URL(${JSON.stringify(guestUrl("rust").href)}), {
      backends: { origin: ${JSON.stringify(origin.url)} },
      kvStores: { users: {} },
    });
    const paths = ["/proxy/a", "/dynamic?target=${host}", "/kv/put?key=a&ttl=60"];
    for (const path of paths) {
      await (await app.handler(new Request("http://test.example" + path))).text();
    }
    const unread = ["GET", "POST"].map((method) =>
      app.handler(new Request("http://test.example/proxy/endless", { method }))
    );
    for (const { status } of await Promise.all(unread)) console.log(status);
    await app[Symbol.asyncDispose]();
    console.log("disposed");
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", script],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const { code, stdout } = await child.output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "200\n200\ndisposed\n"]);
  await origin.atMost(0);
  await origin.close();
});
