/** HTTPS with several workers: each has the certificate, both versions of HTTP, and clients' certificates. */
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { curl } from "../../curl.ts";
import { command, withFiles } from "../commands.ts";
import { ON_LINUX, until, WorkersSite } from "./site.ts";

const HELLO = new URL("../../../testdata/wat/hello.wat", import.meta.url).pathname;
const NAMES = ["localhost", "ip:127.0.0.1"];

/** Two workers with a certificate, whose authority is in `ca.pem`, and a client's own one in `client.pem`. */
async function withHttps(
  flags: (folder: string) => readonly string[],
  use: (site: WorkersSite, folder: string) => Promise<void>,
): Promise<void> {
  const [authority, clients] = [await createAuthority(), await createAuthority()];
  const { cert, key } = await authority.issue(NAMES);
  const client = await clients.issue(["client"]);
  const files = {
    ...{ "c.pem": cert, "k.pem": key, "ca.pem": authority.ca, "clients.pem": clients.ca },
    "client.pem": `${client.cert}\n${client.key}`,
  };
  await withFiles(files, async (folder) => {
    const named = ["--cert", `${folder}/c.pem`, "--key", `${folder}/k.pem`];
    await using site = await WorkersSite.start(2, [HELLO, ...named, ...flags(folder)]);
    await use(site, folder);
  });
}

Deno.test(
  "every worker serves HTTPS over both versions of HTTP, to clients with an accepted certificate",
  ON_LINUX,
  async () => {
    const flags = (folder: string) => ["--client-ca", `${folder}/clients.pem`];
    await withHttps(flags, async (site, folder) => {
      const ask = (...args: string[]) =>
        curl("--cacert", `${folder}/ca.pem`, "-w", "%{http_version}", ...args, site.url);
      const own = ["--cert", `${folder}/client.pem`];
      for (const worker of await site.workers()) {
        await site.withOnly(worker, async () => {
          assertEquals((await ask("--http2", ...own)).stdout, "Hello from wat\n2");
          assertEquals((await ask("--http1.1", ...own)).stdout, "Hello from wat\n1.1");
          const refused = await ask();
          assert(refused.code !== 0, refused.stdout);
        });
        await site.told(/^error: A TLS handshake failed: the client has sent no certificate$/);
      }
    });
  },
);

Deno.test(
  "a client that resumes a TLS session does so at its worker, and at another one it is served as a new one",
  ON_LINUX,
  async () => {
    await withHttps(() => [], async (site, folder) => {
      const ask = async (...args: string[]) => {
        const get = "GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n";
        const address = `localhost:${site.port}`;
        const client = [
          ...["openssl", "s_client", "-connect", address, "-servername", "localhost"],
          ...["-CAfile", `${folder}/ca.pem`, "-ign_eof", ...args],
        ];
        const { stdout } = await command("sh", ["-c", `printf '${get}' | ${client.join(" ")}`]);
        return [/^(New|Reused)(?=, TLS)/m.exec(stdout)?.[0], /^Hello .*$/m.exec(stdout)?.[0]];
      };
      const [first, second] = await site.workers();
      const session = `${folder}/session.pem`;
      await site.withOnly(first!, async () => {
        assertEquals(await ask("-sess_out", session), ["New", "Hello from wat"]);
        assertEquals(await ask("-sess_in", session), ["Reused", "Hello from wat"]);
        await ask("-sess_out", session);
      });
      await site.withOnly(second!, async () => {
        assertEquals(await ask("-sess_in", session), ["New", "Hello from wat"]);
      });
    });
  },
);

Deno.test(
  "all workers serve a certificate that is replaced on disk, and a mistake in one is logged once",
  ON_LINUX,
  async () => {
    await withHttps(() => [], async (site, folder) => {
      const write = async (name: string, text: string) => {
        await Deno.writeTextFile(`${folder}/new`, text);
        await Deno.rename(`${folder}/new`, `${folder}/${name}`);
      };
      const [, second] = await site.workers();
      await site.withOnly(second!, async () => {
        await write("c.pem", "nonsense");
        // It looks at the files once a second, and would tell by then.
        await new Promise((resolve) => setTimeout(resolve, 1500));
      });
      assertMatch(
        await site.cli.line("stderr"),
        / is not one in PEM: the one before goes on serving$/,
      );
      const other = await createAuthority();
      const { cert, key } = await other.issue(NAMES);
      await write("ca.pem", other.ca);
      await write("c.pem", cert);
      assertMatch(await site.cli.line("stderr"), / the key is not that of the certificate/);
      await write("k.pem", key);
      const trusts = async () =>
        (await curl("--cacert", `${folder}/ca.pem`, site.url)).stdout === "Hello from wat\n";
      for (const worker of await site.workers()) {
        // It looks at the files while the others stand still.
        await site.withOnly(worker, () => until(trusts));
      }
      await site.cli.until(/^info: Serving the new certificate of /m, "stderr");
      site.cli.signal("SIGTERM");
      const { code, stderr } = await site.cli.end();
      assertEquals(code, 0);
      const told = stderr.split("\n").filter((line) => /certificate|PEM/.test(line));
      assertEquals(told.filter((line) => !/A TLS handshake failed/.test(line)), [
        `info: Serving the new certificate of ${folder}/c.pem`,
      ]);
    });
  },
);
