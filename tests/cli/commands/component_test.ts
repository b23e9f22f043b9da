// Components under the executable's commands, which work as for modules.
import { fetched } from "../../asking.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { CLI, ROOT, runCli, withFiles } from "../commands.ts";
import { CliServer, Process } from "../../process.ts";

const BUILT = `${ROOT}/testdata/built`;
const SERVICE = `${BUILT}/rust-component.wasm`;
const COMMAND = `${BUILT}/rust-command.wasm`;

const MANIFEST = `
[local_server.config_stores.settings]
format = "inline-toml"
contents = { greeting = "from the manifest" }
`;

Deno.test("serve serves a component", async () => {
  const { cli, url } = await CliServer.start(["--wasm", SERVICE]);
  await using _ = cli;
  assertEquals(await fetched(`${url}/hello`), [200, "Hello from rust component\n"]);
});

Deno.test("an executable named viceroy serves a component as the Python SDK's tests call it", () =>
  withFiles({ "fastly.toml": MANIFEST, "viceroy": shim() }, async (folder) => {
    await Deno.chmod(`${folder}/viceroy`, 0o755);
    const args = ["serve", SERVICE, "--addr", "127.0.0.1:0", "-v", "-C", `${folder}/fastly.toml`];
    await using server = new Process(`${folder}/viceroy`, args);
    const [, url] = await server.until(/Listening on (\S+)\n/);
    assertEquals(await fetched(`${url}/config?settings&greeting`), [
      200,
      'Some("from the manifest")\n',
    ]);
    server.signal("SIGTERM");
    assertEquals((await server.end()).code, 0);
  }));

/** A script that starts this executable under Viceroy's name. */
function shim(): string {
  return `#!/bin/sh\nexec ${Deno.execPath()} run -A --no-check ${CLI} "$@"\n`;
}

Deno.test("run runs a component that is a command: arguments, variables, stores, status", () =>
  withFiles({ "fastly.toml": MANIFEST }, async (cwd) => {
    const { code, stdout, stderr } = await runCli(
      ["run", "--guest-env", "OWN=set", COMMAND, "one", "--two"],
      { cwd },
    );
    assertEquals(code, 0, stderr);
    assertEquals(stdout.split("\n"), [
      'arguments ["one", "--two"]',
      'variable Ok("set")',
      "input Ok(0)",
      "file true",
      'greeting Ok(Ok(Some("from the manifest")))',
      "",
    ]);
    assertStringIncludes(stderr, "an error line\n");
    assertEquals((await runCli(["run", COMMAND, "fail"], { cwd })).code, 1);
    const trapped = await runCli(["run", COMMAND, "panic"], { cwd });
    assertEquals(trapped.code, 134);
    assertMatch(trapped.stderr, /The guest trapped: unreachable\n {2}at [^]*rust_command::main/);
  }));

Deno.test("run gives a component that handles requests one request", async () => {
  const { code, stderr } = await runCli(["run", SERVICE]);
  assertEquals(code, 0, stderr);
});
