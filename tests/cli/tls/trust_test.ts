import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { type Machine, shown, trustStores } from "../../../cli/tls/trust.ts";
import { command, has, runCli, withFiles } from "../commands.ts";

const CERTUTIL = await has("which", "certutil");

function machine(os: Machine["os"], ...files: string[]): Machine {
  return { os, home: "/home/a", exists: (path) => files.includes(path), profiles: [] };
}

Deno.test("each system's store is changed with its own commands", () => {
  const debian = trustStores("/d/ca.pem", machine("linux", "/usr/local/share/ca-certificates"));
  assertEquals(debian.map(({ system }) => system), [false, true]);
  assertEquals(
    shown(debian[1]!, "add"),
    "sudo cp /d/ca.pem /usr/local/share/ca-certificates/fastlike.crt && sudo update-ca-certificates",
  );
  assertEquals(
    shown(debian[1]!, "remove"),
    "sudo rm -f /usr/local/share/ca-certificates/fastlike.crt && sudo update-ca-certificates",
  );
  const fedora = trustStores("/d/ca.pem", machine("linux", "/etc/pki/ca-trust/source/anchors"));
  assertStringIncludes(shown(fedora[1]!, "add"), "sudo update-ca-trust extract");
  const [mac] = trustStores("/d/a b/ca.pem", machine("darwin"));
  assertEquals(
    shown(mac!, "add"),
    "security add-trusted-cert -r trustRoot -k /home/a/Library/Keychains/login.keychain-db '/d/a b/ca.pem'",
  );
  const [windows] = trustStores("C:/ca.pem", machine("windows"));
  assertEquals(shown(windows!, "add"), "certutil -user -addstore Root C:/ca.pem");
});

Deno.test({
  name:
    `fastlike trust adds the authority to the browsers' store, says what it leaves, and takes it back${
      CERTUTIL ? "" : " (skipped: install libnss3-tools)"
    }`,
  ignore: !CERTUTIL,
  async fn() {
    await withFiles({}, async (home) => {
      const place = { env: { HOME: home, XDG_DATA_HOME: `${home}/data` } };
      const list = async () =>
        (await command("certutil", ["-L", "-d", `sql:${home}/.pki/nssdb`])).stdout;
      for (let again = 0; again < 2; again++) {
        const { code, stdout } = await runCli(["trust"], place);
        assertEquals(code, 0, stdout);
        assertMatch(
          stdout,
          /^The certificate authority of this machine is \S+\/ca\.pem\nDone: Chromium and Chrome \(\S+\) trust it\n/,
        );
        assertMatch(await list(), /^fastlike local authority +C,, *$/m);
      }
      for (let again = 0; again < 2; again++) {
        const { code, stdout } = await runCli(["trust", "--uninstall"], place);
        assertEquals(code, 0, stdout);
        assert(!(await list()).includes("fastlike"));
      }
    });
  },
});

Deno.test("fastlike trust without a needed program names the package to install", async () => {
  await withFiles({}, async (home) => {
    const { code, stdout } = await runCli(["trust"], {
      env: { HOME: home, XDG_DATA_HOME: `${home}/data`, PATH: home },
    });
    assertEquals(code, 1);
    assertMatch(stdout, /^Failed: Chromium and Chrome \(\S+\): there is no \w+/m);
  });
});
