import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { createAuthority, type Identity } from "../../certificates.ts";
import { curl } from "../../curl.ts";
import { guestUrl } from "../../guests/serving.ts";
import { runCli, withFiles } from "../commands.ts";
import { Cli } from "../../process.ts";

const GUEST = guestUrl("hello").pathname;
const DAY = 24 * 3600 * 1000;
const NAMES = ["localhost", "ip:127.0.0.1", "ip:::1"];

/** Serves over HTTPS at a free port; the lines before the one with the URL are in `said`. */
async function servingHttps(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ cli: Cli; url: string }> {
  const cli = new Cli([GUEST, "--bind", "localhost:0", ...args], { env });
  const url = await cli.url();
  assertMatch(url, /^https:\/\/localhost:/);
  return { cli, url };
}

async function modeOf(file: string): Promise<string> {
  return ((await Deno.stat(file)).mode! & 0o777).toString(8);
}

Deno.test("--https makes an authority once, kept for its user alone, and serves localhost by all its addresses", async () => {
  await withFiles({}, async (folder) => {
    const env = { XDG_DATA_HOME: folder };
    const data = join(folder, "fastlike");
    const ca = join(data, "ca.pem");
    let authority: string;
    {
      const { cli, url } = await servingHttps(["--https"], env);
      await using _cli = cli;
      assertEquals(
        await cli.line("stderr"),
        `info: Made a certificate authority for this machine, ${ca}`,
      );
      assertEquals(await cli.line("stderr"), "info: Browsers trust it after: fastlike trust");
      for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
        const { stdout, stderr } = await curl("--cacert", ca, url.replace("localhost", host));
        assertEquals([stdout, stderr], ["Hello from wat\n", ""], host);
      }
      authority = await Deno.readTextFile(join(data, "authority.pem"));
    }
    assertEquals(await modeOf(data), "700");
    assertEquals(await modeOf(join(data, "authority.pem")), "600");
    assertEquals(await modeOf(join(data, "localhost.pem")), "600");
    assert(!(await Deno.readTextFile(ca)).includes("PRIVATE KEY"));
    const { cli, url } = await servingHttps(["--https"], env);
    await using _cli = cli;
    assertEquals((await curl("--cacert", ca, url)).code, 0);
    assertEquals(await Deno.readTextFile(join(data, "authority.pem")), authority);
    cli.signal("SIGINT");
    assert(!(await cli.end()).stderr.includes("authority"));
  });
});

Deno.test("TLS 1.2 and 1.3 are spoken, and nothing older", async () => {
  const authority = await createAuthority();
  await withIdentity(authority.ca, await authority.issue(NAMES), async (folder) => {
    const { cli, url } = await servingHttps([
      "--cert",
      `${folder}/c.pem`,
      "--key",
      `${folder}/k.pem`,
    ]);
    await using _cli = cli;
    const ca = ["--cacert", `${folder}/ca.pem`];
    for (const version of ["1.2", "1.3"]) {
      const only = [`--tlsv${version}`, "--tls-max", version];
      assertEquals((await curl(...ca, ...only, url)).stdout, "Hello from wat\n", version);
    }
    const old = ["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"];
    assertMatch((await curl(...ca, ...old, url)).stderr, /alert|protocol/);
  });
});

Deno.test("a certificate that is exchanged on disk is served, and a bad one gets one line while the old one goes on", async () => {
  const one = await createAuthority();
  const other = await createAuthority();
  const [first, second] = [await one.issue(NAMES), await other.issue(NAMES)];
  await withIdentity(one.ca, first, async (folder) => {
    await Deno.writeTextFile(`${folder}/other.pem`, other.ca);
    const [cert, key] = [`${folder}/c.pem`, `${folder}/k.pem`];
    const { cli, url } = await servingHttps(["--cert", cert, "--key", key]);
    await using _cli = cli;
    const trusts = async (ca: string) =>
      (await curl("--cacert", `${folder}/${ca}`, url)).code === 0;
    assertEquals([await trusts("ca.pem"), await trusts("other.pem")], [true, false]);
    assertMatch(
      await cli.line("stderr"),
      /^error: A TLS handshake failed: the client does not accept/,
    );
    await write(folder, second);
    // The files may have been looked at between the two writes.
    for (let line; !(line = await cli.line("stderr")).startsWith("info: Serving");) {
      assertMatch(line, /the key is not that of the certificate: the one before goes on serving$/);
    }
    assertEquals([await trusts("ca.pem"), await trusts("other.pem")], [false, true]);
    await replace(cert, "nonsense");
    assertEquals(
      await cli.line("stderr"),
      `error: Cannot use ${cert} and ${key}: the certificate is not one in PEM: the one before goes on serving`,
    );
    assertEquals(await trusts("other.pem"), true);
    const old = { from: new Date(Date.now() - 9 * DAY), to: new Date(Date.now() - 2 * DAY) };
    const expired = await other.issue(NAMES, old);
    await replace(key, expired.key);
    await cli.line("stderr");
    await replace(cert, expired.cert);
    assertEquals(
      await cli.line("stderr"),
      `error: Cannot use ${cert} and ${key}: the certificate has expired on ${
        old.to.toISOString().slice(0, 10)
      }: the one before goes on serving`,
    );
    assertEquals(await trusts("other.pem"), true);
  });
});

Deno.test("a certificate that cannot be used gets one clear line at the start", async () => {
  const authority = await createAuthority();
  const [good, other] = [await authority.issue(NAMES), await authority.issue(NAMES)];
  const expired = await authority.issue(NAMES, {
    from: new Date(Date.now() - 9 * DAY),
    to: new Date("2026-01-31"),
  });
  const early = await authority.issue(NAMES, {
    from: new Date("2999-01-31"),
    to: new Date("2999-02-28"),
  });
  const mistakes: [Identity, RegExp][] = [
    [
      { ...good, key: other.key },
      /^Cannot use \S+ and \S+: the key is not that of the certificate\n$/,
    ],
    [expired, /^Cannot use \S+ and \S+: the certificate has expired on 2026-01-31\n$/],
    [early, /^Cannot use \S+ and \S+: the certificate is not valid before 2999-01-31\n$/],
    [{ ...good, cert: "x" }, /^Cannot use \S+ and \S+: the certificate is not one in PEM\n$/],
    [{ ...good, key: "x" }, /^Cannot use \S+ and \S+: the key is not a private key in PEM\n$/],
  ];
  for (const [identity, expected] of mistakes) {
    await withIdentity(authority.ca, identity, async (folder) => {
      const files = ["--cert", `${folder}/c.pem`, "--key", `${folder}/k.pem`];
      const { code, stderr } = await runCli([GUEST, "--bind", "localhost:0", ...files]);
      assertEquals(code, 1);
      assertMatch(stderr, expected);
    });
  }
  const { code, stderr } = await runCli([GUEST, "--bind", "localhost:0", "--cert", "/nowhere.pem"]);
  assertEquals([code, stderr], [1, "Cannot read /nowhere.pem: there is no such file\n"]);
});

Deno.test("--client-ca refuses clients without an accepted certificate, each for a reason of one line", async () => {
  const authority = await createAuthority();
  const clients = await createAuthority();
  await withIdentity(authority.ca, await authority.issue(NAMES), async (folder) => {
    const certificate = async (name: string, identity: Identity) => {
      await Deno.writeTextFile(`${folder}/${name}.pem`, identity.cert + "\n" + identity.key);
      return ["--cert", `${folder}/${name}.pem`];
    };
    await Deno.writeTextFile(`${folder}/clients.pem`, clients.ca);
    const { cli, url } = await servingHttps([
      ...["--cert", `${folder}/c.pem`, "--key", `${folder}/k.pem`],
      ...["--client-ca", `${folder}/clients.pem`],
    ]);
    await using _cli = cli;
    const ask = (...args: string[]) => curl("--cacert", `${folder}/ca.pem`, ...args, url);
    const known = await certificate("known", await clients.issue(["client"]));
    assertEquals((await ask(...known)).stdout, "Hello from wat\n");
    assertEquals((await ask()).stdout, "");
    assertEquals(
      await cli.line("stderr"),
      "error: A TLS handshake failed: the client has sent no certificate",
    );
    assertEquals(
      (await ask(...await certificate("unknown", await authority.issue(["x"])))).stdout,
      "",
    );
    assertMatch(await cli.line("stderr"), /failed: the client's certificate is not accepted \(/);
  });
});

Deno.test("--http-redirect redirects plain HTTP to the same URL under https, and the port of HTTPS answers plain HTTP with a hint", async () => {
  const authority = await createAuthority();
  await withIdentity(authority.ca, await authority.issue(NAMES), async (folder) => {
    const { cli, url } = await servingHttps([
      ...["--cert", `${folder}/c.pem`, "--key", `${folder}/k.pem`],
      ...["--http-redirect", "127.0.0.1:0"],
    ]);
    await using _cli = cli;
    const [, plain] = /^info: (\S+) redirects to HTTPS$/.exec(await cli.line("stderr"))!;
    const target = url.replace("localhost", "127.0.0.1");
    const ask = (...args: string[]) =>
      curl("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", ...args);
    assertEquals((await ask(`${plain}/a?b=%20`)).stdout, `301 ${target}/a?b=%20`);
    assertEquals((await ask("-d", "x", `${plain}/a`)).stdout, `308 ${target}/a`);
    const wrong = await curl("-i", url.replace("https", "http"));
    assertMatch(wrong.stdout, /^HTTP\/1\.1 400 [^]*This port speaks HTTPS: ask for https:\/\//);
  });
});

async function write(folder: string, { cert, key }: Identity): Promise<void> {
  await replace(`${folder}/c.pem`, cert);
  await replace(`${folder}/k.pem`, key);
}

/** Replaces a file at once: a server that reads half of it would say so, and then look at it again. */
async function replace(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, text);
  await Deno.rename(`${path}.new`, path);
}

async function withIdentity(
  ca: string,
  { cert, key }: Identity,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  await withFiles({ "ca.pem": ca, "c.pem": cert, "k.pem": key }, use);
}
