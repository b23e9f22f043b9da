import { assert, assertEquals, assertMatch } from "./assert.ts";
import { createAuthority } from "./certificates.ts";
import { CLI, command, denoFirst, has, withFiles } from "./cli/commands.ts";
import { Cli } from "./process.ts";
import { guestUrl } from "./guests/serving.ts";

const PAGE = await Deno.readTextFile(new URL("../docs/https.md", import.meta.url));
const HAS_TOOLS = await has("node", "--version") && await has("which", "certutil");

/** The page's blocks of shell lines, in order. */
const BLOCKS = Array.from(
  PAGE.matchAll(/^```sh\n(.*?)^```$/gms),
  ([, text]) => text!.trimEnd().split("\n"),
);

/** The arguments of a line that begins with `fastlike`, at free ports. */
function argumentsOf(line: string): string[] {
  const [name, ...args] = line.replaceAll(/ :\d+/g, " localhost:0").split(" ");
  assertEquals(name, "fastlike");
  return args.includes("--bind") ? args : [...args, "--bind", "localhost:0"];
}

const CLIENT = `
  const response = await fetch("https://localhost:PORT/");
  console.log(await response.text());`;

Deno.test({
  name: `the commands of docs/https.md serve, trust and ask as they are written${
    HAS_TOOLS ? "" : " (skipped: install node and libnss3-tools)"
  }`,
  ignore: !HAS_TOOLS,
  async fn() {
    const [serve, ask] = BLOCKS as [string[], string[]];
    const files = { "app.wasm": await Deno.readFile(guestUrl("hello")) };
    await withFiles(files, async (home) => {
      const env = { HOME: home, XDG_DATA_HOME: "" };
      await using cli = new Cli(argumentsOf(serve[0]!), { cwd: home, env });
      const { port } = new URL(await cli.url());
      const script = CLIENT.replace("PORT", port!);
      await Deno.writeTextFile(`${home}/client.ts`, script);
      await Deno.writeTextFile(`${home}/client.js`, `(async () => {${script}})();`);
      const fastlike = `#!/bin/sh\nexec "${Deno.execPath()}" run -A --no-check "${CLI}" "$@"\n`;
      await Deno.mkdir(`${home}/bin`);
      await Deno.writeTextFile(`${home}/bin/fastlike`, fastlike, { mode: 0o755 });
      const path = `${home}/bin:${denoFirst().PATH}`;
      const answers: string[] = [];
      for (const line of ask) {
        const asked = line.replace("localhost:5000", `localhost:${port}`);
        const variables = { ...env, PATH: path, DENO_DIR: denoFolder() };
        const { code, stdout, stderr } = await command("sh", ["-c", asked], {
          cwd: home,
          env: variables,
        });
        assertEquals(code, 0, `${line}: ${stdout}${stderr}`);
        answers.push(stdout.trim());
      }
      assertMatch(answers[0]!, /Chromium and Chrome \(\S+\) trust it/);
      assertEquals(answers.slice(1), ["Hello from wat", "Hello from wat", "Hello from wat"]);
    });
  },
});

/** Deno's folder of downloads, whatever the home is. */
function denoFolder(): string {
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
}

Deno.test("the command of docs/https.md for one's own certificate serves it, and redirects", async () => {
  const authority = await createAuthority();
  const { cert, key } = await authority.issue(["localhost"]);
  const files = {
    "app.wasm": await Deno.readFile(guestUrl("hello")),
    "fullchain.pem": cert,
    "privkey.pem": key,
    "ca.pem": authority.ca,
  };
  await withFiles(files, async (cwd) => {
    await using cli = new Cli(argumentsOf(BLOCKS[2]![0]!), { cwd });
    const url = await cli.url();
    const [, plain] = /^info: (\S+) redirects to HTTPS$/.exec(await cli.line("stderr"))!;
    const { stdout } = await command("curl", ["-sSL", "--cacert", "ca.pem", `${plain}/`], { cwd });
    assertEquals(stdout, "Hello from wat\n");
    assert(url);
  });
});
