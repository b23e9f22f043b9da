import { componentLoader } from "../../drivers/components.ts";
import type { ComponentLoader } from "../../service/util/component_loader.ts";
import { TestHost, type TestHostOptions, UnmockedRequestError } from "../../testing.ts";
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../assert.ts";
import { guestUrl, testGuestOnce } from "../guests/serving.ts";
import { ProgramCache } from "../../mod.ts";

const NAME = "rust-component";

function start(options: Omit<TestHostOptions, "wasm"> = {}): Promise<TestHost> {
  return TestHost.start({ wasm: guestUrl(NAME), components: componentLoader, ...options });
}

testGuestOnce(NAME, "mocks answer, and the test sees calls, logs and output", async () => {
  await using host = await start({
    backends: { origin: { "GET /user": { body: "Ada" }, "/down": { error: "dns_error" } } },
    config: { settings: { greeting: "hi" } },
  });
  assertEquals(await (await host.fetch("/proxy/user")).text(), "Ada");
  assertEquals(host.calls("origin").map(({ method, path }) => [method, path]), [["GET", "/user"]]);
  assertMatch(await (await host.fetch("/proxy/down")).text(), /Dns/i);
  const error = await assertRejects(() => host.fetch("/proxy/other"), UnmockedRequestError);
  assertStringIncludes(error.message, 'Backend "origin" has no mock for GET http');
  await host.fetch("/log");
  assertEquals(host.logs("component-log"), ["a line for the log"]);
  assertStringIncludes(host.stdout, "a line for standard output");
  assertEquals(await (await host.fetch("/config?settings&greeting")).text(), 'Some("hi")\n');
});

testGuestOnce(NAME, "a reset begins anew, and the time moves", async () => {
  await using host = await start({ clock: "frozen", now: 0 });
  assertEquals(await (await host.fetch("/cache")).text(), "stored\n");
  assertMatch(await (await host.fetch("/cache")).text(), /^hit/);
  await host.advance("30d");
  assertEquals(host.now, 30 * 86400e3);
  assertEquals(await (await host.fetch("/cache")).text(), "stored\n");
  await host.reset();
  assertEquals([await (await host.fetch("/cache")).text(), host.now], ["stored\n", 0]);
});

testGuestOnce(
  NAME,
  "hosts of one process compile a component once, for the same limits",
  async () => {
    let compiled = 0;
    const components: ComponentLoader = {
      compile(bytes, terms) {
        compiled++;
        return componentLoader.compile(bytes, terms);
      },
    };
    const programs = new ProgramCache();
    for (let i = 0; i < 3; i++) {
      await using host = await start({ components, programs });
      assertEquals(await (await host.fetch("/hello")).text(), "Hello from rust component\n");
      await host.reset();
      assertEquals(await (await host.fetch("/count")).text(), "1\n");
    }
    assertEquals(compiled, 1);
    await using _host = await start({ components, programs, limits: { memory: 2 ** 25 } });
    assertEquals(compiled, 2);
  },
);
