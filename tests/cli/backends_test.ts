import { assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { createAuthority } from "../certificates.ts";
import { secureOrigin } from "../service/backends/http2_origins.ts";
import { rawOrigin } from "../service/backends/origins.ts";
import { fetchRaw } from "../guests/http.ts";
import { CliServer, type Process } from "../process.ts";
import { ROOT, runCli, withFiles } from "./commands.ts";

const HELLO = `${ROOT}/testdata/built/hello.wasm`;
const RUST = `${ROOT}/testdata/built/rust.wasm`;

/** Serves a guest while `use` runs. */
async function serving(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  use: (port: number, cli: Process) => Promise<void>,
): Promise<void> {
  await using server = await CliServer.start([...args], { env });
  await use(Number(new URL(server.url).port), server.cli);
}

Deno.test("the executable warns of backends that are down, and sends the others nothing", async () => {
  let received = "";
  const up = rawOrigin(async (wire) => void (received += await wire.rest()));
  const down = rawOrigin(() => Promise.resolve());
  await down.close();
  const backends = ["--backend", `up=${up.url}`, "--backend", `down=${down.url}`];
  await serving([HELLO, ...backends], {}, async (_, cli) => {
    await cli.until(/refused/, "stderr");
    const text = cli.printed("stderr");
    assertStringIncludes(
      text,
      `Requests to backend "down" will fail: cannot connect to ${down.url}: the connection was refused`,
    );
    assertEquals(text.includes(`"up"`), false);
  });
  await up.close();
  assertEquals(received, "");
});

Deno.test("the executable warns of backends whose certificate is not accepted, with the remedy", async () => {
  const authority = await createAuthority();
  const origin = await secureOrigin(() => {}, await authority.issue(["ip:127.0.0.1"]));
  const backend = ["--backend", `origin=${origin.url}`];
  await serving([HELLO, ...backend], { SSL_CERT_FILE: "" }, async (_, cli) => {
    assertMatch(
      await cli.line("stderr"),
      /Requests to backend "origin" will fail: cannot connect to https:.*certificate.*tls_verify = false/,
    );
  });
  await origin.close();
});

Deno.test("SSL_CERT_FILE takes the place of the system's authorities", async () => {
  const authority = await createAuthority();
  const origin = await secureOrigin((stream) => {
    stream.respond({ ":status": 200 });
    stream.end("trusted");
  }, await authority.issue(["ip:127.0.0.1"]));
  await withFiles({ "ca.pem": authority.ca }, async (folder) => {
    const args = [RUST, "--backend", `origin=${origin.url}`];
    const env = { SSL_CERT_FILE: `${folder}/ca.pem` };
    await serving(args, env, async (port) => {
      const { status, body } = await fetchRaw(port, "/proxy/");
      assertEquals([status, body], [200, "trusted"]);
    });
    await serving(args, { SSL_CERT_FILE: "" }, async (port) => {
      assertEquals((await fetchRaw(port, "/proxy/")).status, 502);
    });
  });
  await origin.close();
});

Deno.test("an SSL_CERT_FILE that is none ends the executable", async () => {
  await withFiles({ "empty.pem": "" }, async (folder) => {
    const wrong: [file: string, reason: string][] = [
      ["nowhere.pem", "Cannot read FILE, which SSL_CERT_FILE names: there is no such file\n"],
      ["empty.pem", "Cannot use FILE, which SSL_CERT_FILE names: it has no certificate\n"],
    ];
    for (const [name, reason] of wrong) {
      const file = `${folder}/${name}`;
      const { code, stderr } = await runCli([HELLO], { env: { SSL_CERT_FILE: file } });
      assertEquals([code, stderr], [1, reason.replace("FILE", file)]);
    }
  });
});
