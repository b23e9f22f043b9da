import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import { Process } from "./process.ts";

const ROOT = new URL("../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

/** The first shell command of a page after the text. */
function commandAfter(text: string, page = README): string {
  const at = page.indexOf(text);
  assert(at >= 0, `the page does not say ${text}`);
  return /```sh\n(.+)\n/.exec(page.slice(at))![1]!;
}

/** The arguments that the README gives to Deno, which a machine without it has by `npx`. */
function denoArguments(command: string): string[] {
  const prefix = "npx -y deno@2.9.6 ";
  assert(command.startsWith(prefix), command);
  return command.slice(prefix.length).split(" ");
}

Deno.test("the first command of the README serves a guest before an origin, and curl gets the answers on the page", async () => {
  const args = [...denoArguments(commandAfter("## Quick start")), "--bind", "127.0.0.1:0"];
  const cwd = ROOT.pathname;
  await using process = new Process(Deno.execPath(), args, { cwd, last: "SIGINT" });
  const [, url] = await process.until(/Listening on (\S+)\n/);
  for (const [, path, answer] of README.matchAll(/\$ curl localhost:5000(\S+)\n([^$`]+)/g)) {
    assertEquals(await (await fetch(url + path!)).text(), answer);
  }
});

Deno.test("the README is a page of at most ninety lines", () => {
  assert(README.trimEnd().split("\n").length <= 90);
});

Deno.test("CONTRIBUTING's command for all tests is the task that CI runs", async () => {
  const page = await Deno.readTextFile(new URL("CONTRIBUTING.md", ROOT));
  const command = commandAfter("All tests:", page);
  assertStringIncludes(await Deno.readTextFile(new URL(".ci/run", ROOT)), command);
});
