import { billOfMaterials } from "../../packaging/bill_of_materials.ts";
import { ROOT } from "../_graph.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { command } from "../cli/commands.ts";

for (const task of ["release", "compile"]) {
  Deno.test(`deno task ${task} does not compile over a whole Deno, which would open a prompt with all permissions`, async () => {
    const { code, stdout } = await command(Deno.execPath(), ["task", task], {
      env: { DENORT_BIN: Deno.execPath() },
    });
    const told = "DENORT_BIN is a whole Deno: name the runtime denort of the same version\n";
    assertEquals([code, stdout], [2, told]);
  });
}

Deno.test("the bill of materials has the runtime, and each package of the lock file with its version and sum", async () => {
  const { stdout } = await command(Deno.execPath(), ["--version"]);
  const lock = new URL("deno.lock", ROOT);
  const { metadata, components } = await billOfMaterials("1.2.3", lock, stdout);
  assertEquals(metadata.component.purl, "pkg:npm/fastlike@1.2.3");
  const logtape = components.find(({ name }) => name === "@logtape/logtape");
  assertMatch(logtape?.purl ?? "", /^pkg:npm\/%40logtape\/logtape@\d+\.\d+\.\d+$/);
  const [deno, v8, ...packages] = components;
  assertEquals(deno?.purl, `pkg:github/denoland/deno@v${Deno.version.deno}`);
  assertEquals(v8?.version, Deno.version.v8.replace(/-.*/, ""));
  for (const { hashes } of packages) assertMatch(hashes?.[0]?.content ?? "", /^[0-9a-f]{128}$/);
  assert(packages.length > 4);
});
