// Tests of the commands that the image runs, in a plain folder: no container is run. Run by `.ci/packages`.
import { ROOT } from "../_graph.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { command } from "../cli/commands.ts";
import { emptyFolder, GUEST, serving, succeed } from "./_folder.ts";

const IMAGE = new URL("packaging/image/", ROOT).pathname;

Deno.test("the image's installation serves from a read-only folder, and its health check works", async () => {
  const dist = new URL("dist/npm/", ROOT).pathname;
  const [tarball] = (await succeed("sh", ["-c", `echo ${dist}fastlike-[0-9]*.tgz`])).trim().split(
    " ",
  );
  await using folder = await emptyFolder();
  const home = `${folder.path}/fastlike`;
  const version = await succeed(`${IMAGE}install`, [tarball!, home]);
  assertMatch(version, /fastlike \d+\.\d+\.\d+\n$/);
  await succeed("chmod", ["-R", "a-w,a+rX", home]);
  await Deno.chmod(folder.path, 0o755);
  try {
    const before = await listing(home);
    const flags = ["--bind", "127.0.0.1:0", "--admin", "127.0.0.1:0", GUEST];
    // Root may write to read-only files: another user runs it, as in the image.
    const nobody = Deno.uid() === 0
      ? ["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups"]
      : [];
    const args = ["-c", 'exec "$@" 2>&1', "sh", ...nobody, `${home}/bin/fastlike`, ...flags];
    await using server = await serving("sh", args, {
      env: { PATH: "/usr/bin:/bin" },
    });
    assertEquals(await (await fetch(`${server.url}/hello`)).text(), "Hello from rust\n");
    const [, admin] = /Health and metrics are on http:\/\/(\S+)/.exec(server.cli.printed()) ?? [];
    assert(admin, server.cli.printed());
    assertEquals(await listing(home), before);
    assertEquals((await command(`${home}/bin/healthy`, [admin])).code, 0);
    await server.end("SIGTERM");
    assertEquals((await command(`${home}/bin/healthy`, [admin])).code, 1);
  } finally {
    await succeed("chmod", ["-R", "u+w", home]);
  }
});

Deno.test("the Dockerfile names files that there are, and a user that is not root", async () => {
  const text = await Deno.readTextFile(`${IMAGE}Dockerfile`);
  assertMatch(text, /^USER [1-9]\d+/m);
  assertMatch(text, /^HEALTHCHECK /m);
  for (const [, path] of text.matchAll(/^COPY (packaging\S+)/gm)) {
    assert((await Deno.stat(new URL(path!, ROOT))).isDirectory);
  }
});

function listing(folder: string): Promise<string> {
  return succeed("find", [folder, "-printf", "%p %s %T@\n"]);
}
