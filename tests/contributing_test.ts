/** The commands of CONTRIBUTING.md: quick ones run here, the others are those of `.ci/run`. */
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import { command, ROOT } from "./cli/commands.ts";

const PAGE = await Deno.readTextFile(`${ROOT}/CONTRIBUTING.md`);
const GATE = await Deno.readTextFile(`${ROOT}/.ci/run`);
const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`)) as {
  tasks: Record<string, string>;
};
/** Every command of the page, without the way to have Deno. */
const COMMANDS = Array.from(PAGE.matchAll(/^```sh\n(.*?)^```$/gms), ([, block]) => block!)
  .flatMap((block) => block.trim().split("\n"))
  .map((line) => line.replace(/^npx -y deno@2\.9\.6 |^deno /, ""));

/** Tasks that write pages or code, each with the test that compares its output. */
const WRITERS: Readonly<Record<string, string>> = {
  tables: "tests/tables_test.ts",
  matrix: "tests/abi/support_test.ts",
  embed: "tests/wasm/embed_test.ts",
};

Deno.test("CONTRIBUTING is a page of at most a hundred lines", () => {
  const lines = PAGE.trimEnd().split("\n").length;
  assert(lines <= 100, `it has ${lines} lines`);
});

for (const line of COMMANDS.filter((line) => line.startsWith("test "))) {
  Deno.test(`CONTRIBUTING's "deno ${line}" passes as pasted`, async () => {
    const args = line.split(" ").map((word) => word.replace(/^"(.*)"$/, "$1"));
    const { code, stdout, stderr } = await command(Deno.execPath(), args, { cwd: ROOT });
    assertEquals(code, 0, stdout + stderr);
    const [, passed] = /ok \| (\d+) passed/.exec(stdout) ?? [];
    assert(Number(passed) > 0, stdout);
  });
}

Deno.test("every other command of CONTRIBUTING is one of the gate, or writes a file that a test compares", async () => {
  const others = COMMANDS.filter((line) => !line.startsWith("test "));
  assertEquals(others.length, 7, others.join("\n"));
  for (const line of others) {
    const [, task] = /^task (\w+)$/.exec(line) ?? [];
    if (task && WRITERS[task]) {
      assert(tasks[task], task);
      assert((await Deno.stat(`${ROOT}/${WRITERS[task]}`)).isFile);
    } else if (task === "check") {
      const parts = tasks.check!.split(" && ").map((part) => part.replace(/^deno /, '"$deno" '));
      for (const part of parts) assertStringIncludes(GATE, part);
    } else assertStringIncludes(GATE, line);
  }
});
