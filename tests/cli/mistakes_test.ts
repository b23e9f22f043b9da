import { assertEquals } from "../assert.ts";
import { type Ended, withFiles } from "./commands.ts";
import { Cli, run } from "../process.ts";
import { guestUrl } from "../guests/serving.ts";
import { VERSION } from "../../cli/version.ts";

const RUST = guestUrl("rust").pathname;

/** Runs the executable with those flags of Deno in a folder, where it is to fail. */
async function failing(
  cwd: string,
  permissions: readonly string[],
  ...args: string[]
): Promise<Ended> {
  await using cli = new Cli([RUST, "--bind", "localhost:0", ...args], { cwd, permissions });
  const { code, stdout, stderr } = await cli.end();
  return { code, stdout, stderr };
}

const failed = (stderr: string): Ended => ({ code: 1, stdout: "", stderr: `${stderr}\n` });

Deno.test("a fastly.toml that cannot be read ends the command, whatever keeps it from being read", async () => {
  await withFiles({ "fastly.toml": "" }, async (folder) => {
    assertEquals(
      await failing(folder, ["--allow-all", "--deny-read=fastly.toml"]),
      failed(
        'Cannot read fastly.toml: Requires read access to "fastly.toml", ' +
          "run again with the --allow-read flag",
      ),
    );
    await Deno.remove(`${folder}/fastly.toml`);
    await Deno.mkdir(`${folder}/fastly.toml`);
    assertEquals(
      await failing(folder, ["--allow-all"]),
      failed("Cannot read fastly.toml: it is a directory"),
    );
    await Deno.remove(`${folder}/fastly.toml`);
    await Deno.symlink("nowhere.toml", `${folder}/fastly.toml`);
    assertEquals(
      await failing(folder, ["--allow-all"]),
      failed("Cannot read fastly.toml: there is no such file"),
    );
  });
});

Deno.test("a permission of Deno that is missing is one line", async () => {
  const all = ["--no-prompt", "--allow-read", "--allow-env", "--allow-net"];
  await withFiles({ ".env": "" }, async (folder) => {
    const without = (flag: string) => all.filter((given) => given !== flag);
    assertEquals(
      await failing(folder, without("--allow-env")),
      failed(
        'Cannot go on: Requires env access to "SSL_CERT_FILE", run again with the --allow-env flag',
      ),
    );
    assertEquals(
      await failing(folder, without("--allow-env"), "--guest-env", "TOKEN"),
      failed('Cannot go on: Requires env access to "TOKEN", run again with the --allow-env flag'),
    );
    assertEquals(
      await failing(folder, all, "--persist", "stores"),
      failed(
        "Cannot make the folder stores: " +
          'Requires write access to "stores", run again with the --allow-write flag',
      ),
    );
    assertEquals(
      await failing(folder, all, "--log-endpoint", "a=a.log"),
      failed(
        'Cannot write a.log: Requires write access to "a.log", run again with the --allow-write flag',
      ),
    );
  });
});

Deno.test("a port that Deno does not permit to listen on is one line", async () => {
  const rest = ["--no-prompt", "--allow-read", "--allow-env"];
  const bind = (address: string) => ["--bind", address];
  const denied = (address: string, host = address) =>
    failed(
      `Cannot listen on ${address}: Deno does not permit it ` +
        `(start with --allow-net=${host}; see --deny-net)`,
    );
  await withFiles({}, async (folder) => {
    const first = "127.0.0.1:0";
    assertEquals(await failing(folder, rest, ...bind(first)), denied(first));
    for (const net of [["--allow-net=127.0.0.1:9"], ["--allow-net", "--deny-net=127.0.0.1"]]) {
      assertEquals(await failing(folder, [...rest, ...net], ...bind(first)), denied(first));
    }
    assertEquals(await failing(folder, rest, ...bind("[::1]:0")), denied("[::1]:0"));
    assertEquals(await failing(folder, rest, ...bind("localhost:0")), denied("localhost:0", first));
    assertEquals(
      await failing(folder, [...rest, "--allow-net=127.0.0.1:0"], ...bind(first), "--admin", ":0"),
      denied(":0", "[::]:0"),
    );
  });
});

Deno.test("the folder of a log endpoint's file is made", async () => {
  await withFiles({}, async (folder) => {
    await using cli = new Cli(
      [RUST, "--bind", "localhost:0", "--log-endpoint", "events=logs/new/events.log"],
      { cwd: folder },
    );
    const url = await cli.url();
    await (await fetch(`${url}/log`)).text();
    cli.signal("SIGTERM");
    assertEquals((await cli.end()).code, 0);
    assertEquals(await Deno.readTextFile(`${folder}/logs/new/events.log`), "hello log\n");
  });
});

Deno.test("help and version are commands, as they are flags", async () => {
  assertEquals(await run("version"), { code: 0, stdout: `fastlike ${VERSION}\n`, stderr: "" });
  const help = await run("help");
  assertEquals(help, await run("--help"));
  assertEquals(help.code, 0);
});

Deno.test("a path that leads nowhere is one line with the reason", async () => {
  await withFiles({ file: "", "fastly.toml": "" }, async (folder) => {
    await Deno.symlink("loop.toml", `${folder}/loop.toml`);
    const all = ["--allow-all"];
    const cases = [
      [["--persist", "file"], "Cannot make the folder file: there is something else of that name"],
      [["--persist", "file/x"], "Cannot make the folder file/x: a part of its path is no folder"],
      [["-C", "file/x"], "Cannot read file/x: a part of its path is no folder"],
      [["-C", "loop.toml"], "Cannot read loop.toml: its links lead back to it"],
      [["-C", "x".repeat(300)], `Cannot read ${"x".repeat(300)}: its name is too long`],
    ] as const;
    for (const [args, line] of cases) {
      assertEquals(await failing(folder, all, ...args), failed(line));
    }
  });
});
