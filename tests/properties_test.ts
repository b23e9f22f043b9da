import { assert, assertEquals, assertNotEquals } from "./assert.ts";
import { command } from "./cli/commands.ts";
import * as fc from "./properties.ts";

Deno.test("a property sees the same values each time", async () => {
  const seen = [0, 1, 2].map((): number[] => []);
  for (const values of seen.slice(1)) {
    fc.assert(fc.property(fc.integer(), (value) => void values.push(value)));
  }
  const values = fc.asyncProperty(fc.integer(), async (value) => void await seen[0]!.push(value));
  await fc.assert(values);
  assertEquals([seen[0], seen[1]], [seen[1], seen[2]]);
  const rounds = Number(Deno.env.get("PROPERTY_ROUNDS") ?? 1);
  assertEquals(seen[0]!.length, 100 * rounds);
});

Deno.test("deno task explore runs properties from new seeds, and its failure is replayed by seed and path", async () => {
  const file = `${await Deno.makeTempDir()}/some_test.ts`;
  const properties = new URL("properties.ts", import.meta.url);
  await Deno.writeTextFile(
    file,
    `import * as fc from "${properties}";
    let runs = 0;
    Deno.test("small", () => fc.assert(fc.property(fc.nat(10_000), (n) => {
      if (++runs > 120 && n > 500) throw new Error(\`run \${runs}\`);
    })));
    Deno.test("replayed", () => fc.assert(fc.property(fc.nat(10_000), (n) => {
      if (n > 500) throw new Error("again " + n);
    })));`,
  );
  const run = async (rounds: string) => {
    const args = ["task", "explore", rounds, file, "--filter", "small"];
    const { code, stdout, stderr } = await command(Deno.execPath(), args);
    return { code, text: stdout + stderr };
  };
  assertEquals((await run("1")).code, 0);
  const failures = [await run("3"), await run("3")];
  const [first, second] = failures.map(({ code, text }) => {
    assertEquals(code, 1, text);
    const [, seed, path, value] =
      /seed: (-?\d+), path: "([\d:]+)"[^]*?Counterexample: \[(\d+)\]/.exec(text) ?? [];
    assert(value, text);
    return { seed: seed!, path: path!, value };
  });
  assertNotEquals(first!.seed, second!.seed);
  const { code, stdout, stderr } = await command(
    Deno.execPath(),
    ["test", "-A", "--filter", "replayed", file],
    { env: { PROPERTY_SEED: first!.seed, PROPERTY_PATH: first!.path } },
  );
  assertEquals(code, 1);
  assert((stdout + stderr).includes(`again ${first!.value}`), stdout + stderr);
});
