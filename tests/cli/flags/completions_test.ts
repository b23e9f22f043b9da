import { assert, assertEquals } from "../../assert.ts";
import { SHELLS } from "../../../cli/flags/args.ts";
import { completionsFor } from "../../../cli/flags/completions.ts";
import { FLAGS } from "../../../cli/flags/table.ts";
import { LIMIT_NAMES } from "../../../service/limits.ts";
import { command, runCli, withFiles } from "../commands.ts";

const FILES = { "app.wasm": "", "users.json": "" };

/** Completions of bash for the last of the words, which are split at "=" as bash does. */
async function offered(words: readonly string[], cwd: string): Promise<string[]> {
  const script = `${completionsFor("bash")}
    compopt() { :; } # works inside of a completion only
    COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
    COMP_CWORD=${words.length - 1}
    _fastlike
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { code, stdout, stderr } = await command("bash", ["--norc", "-c", script], { cwd });
  assertEquals([code, stderr], [0, ""]);
  return stdout.split("\n").filter(Boolean).sort();
}

const COMPLETED: [words: string, offered: readonly string[]][] = [
  ["fastlike --reu", ["--reuse"]],
  ["fastlike run --no-c", ["--no-cache"]],
  ["fastlike --log-format ", ["json", "text"]],
  ["fastlike --log-format j", ["json"]],
  ["fastlike --log-format = ", ["json", "text"]],
  ["fastlike -log-format = t", ["text"]],
  ["fastlike --limit wall", ["wall_time="]],
  ["fastlike --limit wall_time = 1", []],
  ["fastlike --limit = wall", ["wall_time="]],
  ["fastlike -C us", ["users.json"]],
  ["fastlike --wasm =", ["app.wasm", "users.json"]],
  ["fastlike --kv ", []],
  ["fastlike --kv users = us", ["users.json"]],
  ["fastlike --kv users =", ["app.wasm", "users.json"]],
  ["fastlike --kv = users = us", ["users.json"]],
  ["fastlike --bind ", []],
  ["fastlike completions f", ["fish"]],
  ["fastlike ru", ["run"]],
  ["fastlike ap", ["app.wasm"]],
  ["fastlike --loop-guard ap", ["app.wasm"]],
];

Deno.test("bash completes commands, flags, values and files", async () => {
  await withFiles(FILES, async (folder) => {
    for (const [words, expected] of COMPLETED) {
      assertEquals(await offered(words.split(" "), folder), expected, words);
    }
  });
});

Deno.test("bash offers every limit", async () => {
  const names = LIMIT_NAMES.map((name) => `${name}=`).sort();
  assertEquals(await offered(["fastlike", "--limit", ""], "/"), names);
});

Deno.test("each shell's completions have every flag, and the command prints them", async () => {
  for (const shell of SHELLS) {
    const { code, stdout } = await runCli(["completions", shell]);
    assertEquals([code, stdout], [0, completionsFor(shell)]);
    for (const name of Object.keys(FLAGS)) {
      assert(new RegExp(`(--|-l )${name}\\b`).test(stdout), `${shell}: ${name}`);
    }
  }
});
