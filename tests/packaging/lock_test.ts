import { graphOf, ROOT, union } from "../_graph.ts";
import { assert, assertEquals } from "../assert.ts";
import { VERSION } from "../../cli/version.ts";
import { command } from "../cli/commands.ts";

interface Lock {
  readonly specifiers: Readonly<Record<string, string>>;
}

async function specifiersOf(file: string): Promise<string[]> {
  const lock: Lock = JSON.parse(await Deno.readTextFile(new URL(file, ROOT)));
  return Object.keys(lock.specifiers).sort();
}

Deno.test("deno.lock has the packages that each start of the executable loads, and no others", async () => {
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

Deno.test("published modules import no package that is not in deno.lock, not even its types", async () => {
  const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const graphs = await Promise.all(Object.values<string>(exports).map((path) => graphOf(path)));
  const packages = [...union(...graphs)].flatMap(([path, imports]) =>
    imports.filter(({ target }) => target.startsWith("npm:")).map(({ target }) => {
      const [, specifier] = /^npm:\/?(@?[^@]+@[^/]+)/.exec(target)!;
      return `npm:${specifier} (${path})`;
    })
  );
  const locked = await specifiersOf("deno.lock");
  assertEquals(packages.filter((found) => !locked.includes(found.split(" ")[0]!)), []);
  assert(packages.length > locked.length);
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
