import { assert, assertEquals } from "../assert.ts";
import { Cli, Process, serveRust } from "../process.ts";
import { CLI, has, ROOT } from "./commands.ts";

const GUEST = `${ROOT}/testdata/built/rust.wasm`;
/** Opens a terminal for a command. */
const HAS_SCRIPT = Deno.build.os === "linux" && await has("script", "--version");

Deno.test({
  name: "a server ends with the terminal that it was started in",
  ignore: !HAS_SCRIPT,
  async fn() {
    const command = `"${Deno.execPath()}" run -A --no-check "${CLI}" "${GUEST}" --bind 127.0.0.1:0`;
    await using script = new Process("script", ["-qefc", command, "/dev/null"]);
    const line = await script.line("stdout", /^Listening on /);
    const url = line!.slice("Listening on ".length).trim();
    assertEquals((await fetch(`${url}/hello`)).status, 200);
    script.signal("SIGKILL"); // which closes the terminal
    await script.end();
    for (;;) {
      const answered = await fetch(`${url}/hello`).then(
        (response) => response.text(),
        () => undefined,
      );
      if (answered === undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },
});

Deno.test({
  name: "under the name viceroy SIGHUP ends a server",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await serveRust([], { env: { FASTLIKE_NAME: "viceroy" } });
    assertEquals((await server.end("SIGHUP")).signal, "SIGHUP");
  },
});

for (const flags of [[], ["--workers", "2"]]) {
  Deno.test({
    name: `a SIGHUP during the start reloads once the program is served ${flags.join(" ")}`.trim(),
    ignore: Deno.build.os === "windows",
    async fn() {
      const bind = ["--bind", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
      await using cli = new Cli([GUEST, ...bind, ...flags]);
      await cli.until(/Health and metrics are on /, "stderr");
      cli.signal("SIGHUP");
      const url = await cli.url();
      await cli.until(/Reloaded in /, "stderr");
      assertEquals(await (await fetch(`${url}/hello`)).text(), "Hello from rust\n");
    },
  });

  Deno.test({
    name: `a SIGHUP while the process ends cuts no request, and reloads nothing ${flags.join(" ")}`
      .trim(),
    ignore: Deno.build.os === "windows",
    async fn() {
      await using server = await serveRust([...flags, "--admin", "127.0.0.1:0"]);
      const line = await server.cli.line("stderr", /Health and metrics are on /);
      const health = `${line.slice(line.lastIndexOf(" ") + 1)}/healthz`;
      const inFlight = `${new URL("/metrics", health)}`;
      const answer = server.ask("/sleep?ms=2000");
      while (!/requests_in_flight 1\n/.test(await (await fetch(inFlight)).text()));
      server.cli.signal("SIGTERM");
      while (await (await fetch(health)).text() !== "draining\n");
      server.cli.signal("SIGHUP");
      assertEquals((await answer).text, "slept\n");
      const { code, stderr } = await server.cli.end();
      assertEquals(code, 0);
      assert(!stderr.includes("Reloaded"), stderr);
    },
  });
}
