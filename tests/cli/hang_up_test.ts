import { assertEquals } from "../assert.ts";
import { Process, serveRust } from "../process.ts";
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
