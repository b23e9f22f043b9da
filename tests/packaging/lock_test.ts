import { ROOT } from "../_graph.ts";
import { assertEquals } from "../assert.ts";
import { VERSION } from "../../cli/version.ts";
import { command } from "../cli/commands.ts";

interface Lock {
  readonly specifiers: Readonly<Record<string, string>>;
}

async function specifiersOf(file: string): Promise<string[]> {
  const lock: Lock = JSON.parse(await Deno.readTextFile(new URL(file, ROOT)));
  return Object.keys(lock.specifiers).sort();
}

Deno.test("deno.lock holds what the executable loads at its start, and nothing of tests or of few users", async () => {
  const file = `${await Deno.makeTempDir()}/deno.lock`;
  await command(Deno.execPath(), [
    "run",
    "-A",
    "--no-check",
    `--lock=${file}`,
    "cli.ts",
    "--version",
  ]);
  assertEquals(
    JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT))),
    JSON.parse(await Deno.readTextFile(file)),
  );
});

Deno.test("tests/deno.lock has all of deno.lock in the same versions", async () => {
  const all = await specifiersOf("tests/deno.lock");
  assertEquals(
    (await specifiersOf("deno.lock")).filter((specifier) => !all.includes(specifier)),
    [],
  );
});

Deno.test("the version of the package is the executable's", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  assertEquals(version, VERSION);
});
