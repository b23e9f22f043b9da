import { join } from "node:path";
import { CommandError } from "../../../cli/errors.ts";
import { Builder } from "../../../cli/watch/build.ts";
import { BuildChanges } from "../../../cli/watch/build_changes.ts";
import { newestOf, projectBuildOf } from "../../../cli/watch/project.ts";
import { snapshotOf } from "../../../cli/watch/tree.ts";
import { assertEquals, assertRejects, assertThrows } from "../../assert.ts";

Deno.test("a build tells how it has ended, and runs in its folder with its environment", async () => {
  const folder = await Deno.makeTempDir();
  await using builder = new Builder({ command: 'echo "$WORD" > out', env: { WORD: "hi" }, folder });
  assertEquals(await builder.build(), "built");
  assertEquals(await Deno.readTextFile(join(folder, "out")), "hi\n");
  await using failing = new Builder({ command: "exit 3", folder });
  assertEquals(await failing.build(), "failed");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a newer build ends the one that runs, with all that it has started, and passes one that waits", async () => {
  const folder = await Deno.makeTempDir();
  const [ready, ended] = [join(folder, "ready"), join(folder, "ended")];
  const child = `trap 'echo child > ended; exit' TERM; echo > ready; while :; do sleep 0.02; done`;
  await Deno.writeTextFile(join(folder, "child.sh"), child);
  const command = "if [ ! -e quick ]; then sh child.sh & wait; fi";
  await using builder = new Builder({ command, folder });
  const first = builder.build();
  while (!await read(ready)) await new Promise((resolve) => setTimeout(resolve, 5));
  await Deno.writeTextFile(join(folder, "quick"), "");
  const results = [first, builder.build(), builder.build()];
  assertEquals(await Promise.all(results), ["interrupted", "interrupted", "built"]);
  while (!await read(ended)) await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(await read(ended), "child\n");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a build runs, and is ended with all that it has started, also where there is no setsid", async () => {
  const folder = await Deno.makeTempDir();
  const bin = join(folder, "bin");
  await Deno.mkdir(bin);
  for (const name of ["sh", "sleep"]) {
    const { stdout } = await new Deno.Command("which", { args: [name] }).output();
    await Deno.symlink(new TextDecoder().decode(stdout).trim(), join(bin, name));
  }
  const command = "if [ ! -e quick ]; then sleep 600 & echo $! > started; wait; fi";
  await using builder = new Builder({ command, folder, env: { PATH: bin } });
  const first = builder.build();
  while (!await read(join(folder, "started"))) await new Promise((r) => setTimeout(r, 5));
  await Deno.writeTextFile(join(folder, "quick"), "");
  assertEquals(await Promise.all([first, builder.build()]), ["interrupted", "built"]);
  const pid = Number(await read(join(folder, "started")));
  while (await isRunning(pid)) await new Promise((r) => setTimeout(r, 5));
  await Deno.remove(folder, { recursive: true });
});

/** Whether a process runs; one that has ended may wait for its parent to see that. */
async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", `${pid}`] })
    .output();
  return /^[^Z]/.test(new TextDecoder().decode(stdout).trim());
}

Deno.test("changes after a build that cannot start are changes between builds", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "a");
  await Deno.writeTextFile(file, "one");
  const changes = new BuildChanges(() => snapshotOf([folder]));
  await using builder = new Builder({ command: "true", folder: join(folder, "none") }, changes);
  await assertRejects(() => builder.build());
  const terminal = { note() {} } as never;
  for (let i = 0; i < 12; i++) {
    await Deno.writeTextFile(file, `${i} more`);
    assertEquals(await changes.needBuild([file], terminal), true);
  }
  await Deno.remove(folder, { recursive: true });
});

async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}

Deno.test("a project's build comes from [scripts], with its variables and its post_build", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "build.env"), 'A=file\nB="from file"\n');
  const build = projectBuildOf(
    join(folder, "fastly.toml"),
    `language = "rust"
[scripts]
build = "make"
post_build = "strip bin/main.wasm"
env_file = "build.env"
env_vars = ["A=manifest", "C=1=2", "D=#fff 'x'", "E="]`,
  );
  assertEquals(build, {
    command: "(\nmake\n) && (\nstrip bin/main.wasm\n)",
    env: { A: "manifest", B: "from file", C: "1=2", D: "#fff 'x'", E: "" },
    folder,
    outputs: [join(folder, "bin/main.wasm")],
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a post_build runs after each form of a build, in the project's folder, and not after one that fails", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(join(folder, "below"));
  const post_build = "echo after > after # done";
  const resultOf = async (build: string) => {
    const scripts = JSON.stringify({ build, post_build }).replaceAll('":"', '"="');
    const manifest = `scripts = ${scripts}`;
    await using builder = new Builder(projectBuildOf(join(folder, "fastly.toml"), manifest));
    const result = await builder.build();
    const after = await Deno.readTextFile(join(folder, "after")).catch(() => "");
    await Deno.remove(join(folder, "after")).catch(() => {});
    return [result, after];
  };
  for (
    const build of [
      "true\n",
      "true # a comment",
      "cd below",
      "false\ntrue",
      "false || true",
      "exit 0",
    ]
  ) {
    assertEquals(await resultOf(build), ["built", "after\n"], build);
  }
  for (const build of ["false", "true\nexit 3", "false # true"]) {
    assertEquals(await resultOf(build), ["failed", ""], build);
  }
  await Deno.remove(folder, { recursive: true });
});

for (
  const [manifest, fault] of [
    ["scripts = 1", 'key "scripts" must be a table'],
    ["[[scripts]]", 'key "scripts" must be a table'],
    ["language = 1", 'key "language" must be a text in quotes'],
    ["[scripts]\nbuild = 1", 'key "build" in scripts must be a text in quotes'],
    ['[scripts]\nbuild = ["make"]', 'key "build" in scripts must be a text in quotes'],
    ["[scripts]\npost_build = true", 'key "post_build" in scripts must be a text in quotes'],
    ["[scripts]\nenv_file = 1", 'key "env_file" in scripts must be a text in quotes'],
    ['[scripts]\nenv_vars = "A=1"', 'key "env_vars" in scripts must be a list of "NAME=value"'],
    ['[scripts]\nenv_vars = ["A"]', 'key "env_vars" in scripts must be a list of "NAME=value"'],
    ['[scripts]\nenv_vars = ["=1"]', 'key "env_vars" in scripts must be a list of "NAME=value"'],
    ["[scripts]\nenv_vars = [1]", 'key "env_vars" in scripts must be a list of "NAME=value"'],
  ] as const
) {
  Deno.test(`a project with ${JSON.stringify(manifest)} is refused`, () => {
    const error = assertThrows(() => projectBuildOf("a/fastly.toml", manifest), CommandError);
    assertEquals(error.message, `Cannot read a/fastly.toml: ${fault}`);
  });
}

for (const language of ["rust", "go", "javascript", "assemblyscript"]) {
  Deno.test(`a ${language} project without a build command is built as its SDK says`, () => {
    const { command } = projectBuildOf("fastly.toml", `language = "${language}"`);
    assertEquals(command.length > 0, true);
  });
}

Deno.test("for a project of an unknown language without a build command the error names the missing key", () => {
  assertThrows(
    () => projectBuildOf("fastly.toml", `language = "other"`),
    Error,
    'Cannot build the project: fastly.toml has no build command, and the language "other" no usual ' +
      "one (add [scripts] with build",
  );
  assertThrows(
    () => projectBuildOf("fastly.toml", `language = "rust"\n[scripts]\nenv_file = "nowhere.env"`),
    Error,
    "Cannot read nowhere.env, which [scripts] env_file names",
  );
});

Deno.test("the newest built program is served, cargo's own output included", async () => {
  const folder = await Deno.makeTempDir();
  const write = async (path: string, time: number) => {
    await Deno.mkdir(join(folder, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(folder, path), "");
    await Deno.utime(join(folder, path), time, time);
  };
  await Deno.writeTextFile(join(folder, "Cargo.toml"), '[package]\nname = "my-app"\n');
  const { outputs } = projectBuildOf(join(folder, "fastly.toml"), 'language = "rust"');
  assertEquals(newestOf(outputs), undefined);
  await write("bin/main.wasm", 1000);
  assertEquals(newestOf(outputs), join(folder, "bin/main.wasm"));
  await write("target/wasm32-wasip1/release/my-app.wasm", 2000);
  assertEquals(newestOf(outputs), join(folder, "target/wasm32-wasip1/release/my-app.wasm"));
  await Deno.remove(folder, { recursive: true });
});
