import { componentLoader } from "../../drivers/components.ts";
import { fetchedFrom } from "../asking.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { guestUrl, serveGuest, startOrigin } from "./serving.ts";

function isBuilt(name: string): boolean {
  try {
    return Deno.statSync(guestUrl(name)).isFile;
  } catch {
    return false;
  }
}

/** A test of a guest that only some machines can build: where it is not built there is none. */
function testPython(name: string, title: string, fn: () => Promise<void>): void {
  if (isBuilt(name)) Deno.test(`${name}: ${title}`, fn);
}

testPython("python", "Flask's routes answer, and instances are put back", async () => {
  await using origin = await startOrigin((request, response) =>
    void response.end(`The origin got ${request.method} ${request.url}\n`)
  );
  await using served = await serveGuest("python", {
    components: componentLoader,
    configStores: { settings: { greeting: "hi" } },
    backends: { origin: origin.url },
    env: { OWN: "variable" },
  });
  assertEquals(await fetchedFrom(served, "/hello"), [200, "Hello from python\n"]);
  for (let i = 0; i < 3; i++) assertEquals(await fetchedFrom(served, "/count"), [200, "1\n"]);
  const [, echoed] = await fetchedFrom(served, "/echo", { method: "POST", body: "content" });
  assertEquals(echoed, "content");
  const response = await fetch(`http://127.0.0.1:${served.port}/headers`, {
    headers: { "x-one": "1" },
  });
  assertMatch(await response.text(), /^x-one: 1$/m);
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals(await fetchedFrom(served, "/config?store=settings&key=greeting"), [200, "hi\n"]);
  assertEquals((await fetchedFrom(served, "/config?store=none&key=x"))[0], 500);
  assertMatch((await fetchedFrom(served, "/env"))[1], /^OWN=variable$/m);
  assertEquals(await fetchedFrom(served, "/log"), [200, "logged\n"]);
  await served.logged((entry) => entry.kind === "endpoint" && entry.endpoint === "python-log");
  assertEquals(await fetchedFrom(served, "/proxy/some/path"), [
    200,
    "The origin got GET /some/path\n",
  ]);
  assertEquals((await fetchedFrom(served, "/trap"))[0], 500);
  assertEquals((await fetchedFrom(served, "/status?code=418"))[0], 418);
  const renewed = served.entries.some((entry) =>
    entry.kind === "host" && entry.message.includes("new instance")
  );
  assert(!renewed, "its instances are not put back");
});

testPython(
  "python-bottle",
  "one run takes several requests where the SDK asks for them",
  async () => {
    await using served = await serveGuest("python-bottle", {
      components: componentLoader,
      limits: { sandbox_requests: 3 },
    });
    assertEquals(await fetchedFrom(served, "/hello"), [200, "Hello from bottle\n"]);
    assertEquals((await fetchedFrom(served, "/echo", { method: "POST", body: "abc" }))[1], "abc");
    const counts = [];
    for (let i = 0; i < 6; i++) counts.push(Number((await fetchedFrom(served, "/count"))[1]));
    assert(counts.every((count) => count >= 1 && count <= 3), `${counts}`);
  },
);
