import { assertEquals, assertStringIncludes } from "../../assert.ts";
import { parse } from "../../../cli/flags/args.ts";
import { type Ended, ROOT, runCli, withFiles } from "../commands.ts";
import { configure } from "../../../cli/options.ts";
import { Fastlike } from "../../../mod.ts";
import { guestUrl } from "../../guests/serving.ts";

const GUEST = `${ROOT}/testdata/built/rust.wasm`;

function failing(mock: string): Promise<Ended> {
  let ended: Ended;
  return withFiles({ "mock.json": mock }, async (cwd) => {
    ended = await runCli(["run", "--mock", "origin=mock.json", GUEST], { cwd });
  }).then(() => ended);
}

Deno.test("a backend's answers come from a file of mocks, by route and in turn", async () => {
  const mocks = {
    "GET /users/:id": { json: { name: "Ada" } },
    "/list": [{ body: "1" }, { status: 404 }],
    "/refused": { error: "connection_refused" },
  };
  await withFiles({ "mock.json": JSON.stringify(mocks) }, async (cwd) => {
    const command = parse(
      ["serve", "--mock", `origin=${cwd}/mock.json`, "--no-cache", GUEST],
      false,
    );
    if (command.kind !== "serve") throw new Error("It is no serve command");
    const notes: string[] = [];
    const terminal = { note: (_: string, line: string) => void notes.push(line) };
    using configured = await configure(command, terminal as never);
    await using app = await Fastlike.load(guestUrl("rust"), configured.options);
    const ask = (path: string) => app.fetch(new Request(`http://localhost/proxy${path}`));
    assertEquals(await (await ask("/users/7")).json(), { name: "Ada" });
    assertEquals([(await ask("/list")).status, (await ask("/list")).status], [200, 404]);
    assertStringIncludes(await (await ask("/refused")).text(), "ConnectionRefused");
    assertStringIncludes(await (await ask("/list")).text(), "DestinationNotFound");
  });
});

Deno.test("an invalid mock or file ends the command with the reason", async () => {
  const unknown = await failing('{ "stauts": 1 }');
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, 'mock.json: it has a key "stauts", did you mean status?');
  assertStringIncludes((await failing("{")).stderr, "mock.json: ");
  const missing = await runCli(["run", "--mock", "origin=none.json", GUEST]);
  assertStringIncludes(missing.stderr, "none.json");
  const twice = await runCli(["run", "--mock", "a=b.json", "--backend", "a=http://c", GUEST]);
  assertEquals([twice.code, twice.stderr.trim()], [
    2,
    "Cannot use --mock a: --backend defines it, leave one out",
  ]);
});
