import { X509Certificate } from "node:crypto";
import { assert, assertEquals, assertNotEquals, assertRejects } from "../../assert.ts";
import { CommandError } from "../../../cli/errors.ts";
import { dataFolder } from "../../../cli/tls/data_folder.ts";
import { LocalAuthority } from "../../../cli/tls/local_authority.ts";
import { createAuthority } from "../../certificates.ts";
import { withFiles } from "../commands.ts";

const DAY = 24 * 3600 * 1000;

Deno.test("processes that start at the same time share one authority", async () => {
  await withFiles({}, async (folder) => {
    const all = await Promise.all([1, 2, 3, 4].map(() => LocalAuthority.open(folder)));
    const leaves = await Promise.all(all.map((one) => one.leaf()));
    const ca = new X509Certificate(await Deno.readTextFile(`${folder}/ca.pem`));
    for (const { cert } of leaves) assert(new X509Certificate(cert).verify(ca.publicKey));
    assert((await LocalAuthority.open(folder)).isNew === false);
    const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
    assertEquals(names, ["authority.pem", "ca.pem", "localhost.pem"]);
  });
});

Deno.test("a certificate for localhost is kept, and made anew a month before its end or under another authority", async () => {
  await withFiles({}, async (folder) => {
    const authority = await LocalAuthority.open(folder);
    const first = await authority.leaf();
    assertEquals((await authority.leaf()).cert, first.cert);
    const end = Date.parse(new X509Certificate(first.cert).validTo);
    assert(end > Date.now() + 60 * DAY && end < Date.now() + 398 * DAY);
    const other = await createAuthority();
    const foreign = await other.issue(["localhost"]);
    await Deno.writeTextFile(`${folder}/localhost.pem`, `${foreign.cert}\n${foreign.key}`);
    const second = await authority.leaf();
    assertNotEquals(second.cert, foreign.cert);
    const soon = { from: new Date(Date.now() - 60 * DAY), to: new Date(Date.now() + 29 * DAY) };
    const ending = await other.issue(["localhost"], soon);
    await Deno.writeTextFile(`${folder}/localhost.pem`, `${ending.cert}\n${ending.key}`);
    assertNotEquals((await authority.leaf()).cert, ending.cert);
  });
});

Deno.test("an authority whose file others may read is closed to them, and one that is none is replaced", async () => {
  await withFiles({}, async (folder) => {
    const file = `${folder}/authority.pem`;
    await LocalAuthority.open(folder);
    const kept = await Deno.readTextFile(file);
    await Deno.chmod(file, 0o644);
    await LocalAuthority.open(folder);
    assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
    assertEquals(await Deno.readTextFile(file), kept);
    await Deno.writeTextFile(file, "nonsense");
    assert((await LocalAuthority.open(folder)).isNew);
    assertNotEquals(await Deno.readTextFile(file), "nonsense");
  });
});

Deno.test("a place where nothing can be kept gets one line", async () => {
  await withFiles({ "file": "" }, async (folder) => {
    const error = await assertRejects(() => LocalAuthority.open(`${folder}/file/x`), CommandError);
    assert(error.message.startsWith(`Cannot keep a certificate authority in ${folder}/file/x: `));
    assert(error.message.endsWith("(use --cert and --key)"));
  });
});

Deno.test("the user's data folder is where the operating system has it", () => {
  const at = (os: typeof Deno.build.os, variables: Record<string, string>) =>
    dataFolder((name) => variables[name], os);
  assertEquals(at("linux", { HOME: "/home/a" }), "/home/a/.local/share/fastlike");
  assertEquals(at("linux", { HOME: "/home/a", XDG_DATA_HOME: "/x" }), "/x/fastlike");
  assertEquals(at("darwin", { HOME: "/Users/a" }), "/Users/a/Library/Application Support/fastlike");
  assertEquals(at("windows", { LOCALAPPDATA: "/a/Local" }), "/a/Local/fastlike");
});
