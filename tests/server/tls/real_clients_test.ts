import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import type { ClientFacts, Exchange } from "../../../service/http/exchange.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { HAS_BROWSER, openBrowser } from "../../browser.ts";
import { createAuthority } from "../../certificates.ts";
import { command, has, withFiles } from "../../cli/commands.ts";
import { answerText, serving } from "../wire.ts";
import { curl } from "../../curl.ts";

const HAS_NODE = await has("node", "--version");

/** A client that asks `https://localhost:PORT/` once. */
type Ask = (port: number, ca: string, caFile: string) => Promise<unknown>;

/** Known fingerprints of a client of a known version. */
interface Known {
  readonly ja3?: string;
  readonly ja4: string;
  readonly h2Fingerprint: string | undefined;
}

async function factsOf(ask: Ask): Promise<ClientFacts> {
  const authority = await createAuthority();
  const tls = await authority.issue(["localhost", "ip:127.0.0.1"]);
  const seen: Exchange[] = [];
  await using server = await serving((exchange) => {
    seen.push(exchange);
    answerText(exchange, "ok");
  }, { tls, hostname: "localhost" });
  await withFiles({ "ca.pem": authority.ca }, async (folder) => {
    await ask(server.port, authority.ca, `${folder}/ca.pem`);
  });
  return seen[0]!.client;
}

/** Both fingerprints once more, by walking over the message in hexadecimal. */
function naively(message: Uint8Array): { ja3: string; ja4: string } {
  let rest = Buffer.from(message).toString("hex").slice(8);
  const take = (bytes: number) => {
    const taken = rest.slice(0, bytes * 2);
    rest = rest.slice(bytes * 2);
    return taken;
  };
  const real = (values: string[]) => values.filter((value) => !/^(.a)\1$/.test(value));
  const words = (hex: string) => real(hex.match(/.{4}/g) ?? []);
  const version = take(2);
  take(32);
  take(parseInt(take(1), 16));
  const ciphers = words(take(parseInt(take(2), 16)));
  take(parseInt(take(1), 16));
  take(2);
  const extensions: [string, string][] = [];
  while (rest) extensions.push([take(2), take(parseInt(take(2), 16))]);
  const types = real(extensions.map(([type]) => type));
  const data = (type: string) => extensions.find(([name]) => name === type)?.[1] ?? "";
  const decimal = (values: string[]) => values.map((value) => parseInt(value, 16)).join("-");
  const formats = (data("000b").slice(2).match(/../g) ?? []).map((value) => parseInt(value, 16));
  const groups = words(data("000a").slice(4));
  const ja3 = [
    parseInt(version, 16),
    decimal(ciphers),
    decimal(types),
    decimal(groups),
    formats.join("-"),
  ].join();
  const newest = words(data("002b").slice(2)).sort().at(-1) ?? version;
  const alpn = Buffer.from(data("0010").slice(6), "hex").toString().slice(
    0,
    parseInt(data("0010").slice(4, 6), 16),
  );
  const two = (count: number) => String(count).padStart(2, "0");
  const digest = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 12);
  const others = types.filter((type) => type !== "0000" && type !== "0010").sort().join();
  return {
    ja3: createHash("md5").update(ja3).digest("hex"),
    ja4: `t1${parseInt(newest, 16) - 0x301}${types.includes("0000") ? "d" : "i"}` +
      `${two(ciphers.length)}${two(types.length)}${alpn ? alpn[0]! + alpn.at(-1)! : "00"}_` +
      `${digest(ciphers.sort().join())}_${
        digest(`${others}_${words(data("000d").slice(4)).join()}`)
      }`,
  };
}

function checkFacts(facts: ClientFacts, protocol: RegExp): void {
  const { tls } = facts;
  assertEquals(tls!.serverName, "localhost");
  assertMatch(tls!.protocol!, protocol);
  assertMatch(tls!.cipher!, /^(TLS_|ECDHE-)/);
  const { ja3, ja4 } = naively(tls!.clientHello!);
  assertEquals([tls!.ja3, tls!.ja4], [ja3, ja4]);
}

/** Tests a client; the expected facts are those of one version of it. */
function testClient(
  name: string,
  isThere: boolean,
  ask: Ask,
  version: () => Promise<string>,
  known: Readonly<Record<string, Known>>,
  protocol = /^TLSv1\.3$/,
): void {
  Deno.test({
    name: `facts of ${name} are those of its handshake, and the fingerprints that it is known by${
      isThere ? "" : " (skipped: install it)"
    }`,
    ignore: !isThere,
    async fn() {
      const facts = await factsOf(ask);
      checkFacts(facts, protocol);
      const expected = known[await version()];
      if (!expected) return; // another version than the known ones; its facts are checked above
      const { ja3, ja4, h2Fingerprint } = expected;
      assertEquals(facts.tls!.ja4, ja4);
      assertEquals(facts.h2Fingerprint, h2Fingerprint);
      if (ja3) assertEquals(facts.tls!.ja3, ja3);
    },
  });
}

const CURL: Ask = (port, _, ca) => curl("--http2", "--cacert", ca, `https://localhost:${port}/`);
const OLD_CURL: Ask = (port, _, ca) =>
  curl("--http1.1", "--tls-max", "1.2", "--cacert", ca, `https://localhost:${port}/`);

async function curlVersion(): Promise<string> {
  const { stdout } = await command("curl", ["--version"]);
  return /^curl (\S+) .*?(OpenSSL\/\d+\.\d+)/.exec(stdout)?.slice(1).join(" ") ?? "";
}

testClient("curl", true, CURL, curlVersion, {
  "7.88.1 OpenSSL/3.0": {
    ja3: "0149f47eabf9a20d0893e2a44e5a6323",
    ja4: "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6",
    h2Fingerprint: "3:100;4:33554432;2:0|33488897|0|m,p,s,a",
  },
});
testClient("curl over TLS 1.2", true, OLD_CURL, curlVersion, {
  "7.88.1 OpenSSL/3.0": {
    ja3: "87b9bfc7da97115ed2276737b09f8d74",
    ja4: "t12d2807h1_d943125447b4_a44c6288192a",
    h2Fingerprint: undefined,
  },
}, /^TLSv1\.2$/);

/** Runs a script in Node, with the port and the file of the authority as its arguments. */
const inNode = (script: string): Ask => async (port, _, ca) => {
  const { code, stderr } = await command("node", ["-e", script, String(port), ca]);
  assertEquals(code, 0, stderr);
};

const NODE = inNode(`
  const [port, ca] = process.argv.slice(1);
  const options = { ca: require("fs").readFileSync(ca) };
  require("https").get("https://localhost:" + port + "/", options, (response) => response.resume());`);
const NODE_HTTP2 = inNode(`
  const [port, ca] = process.argv.slice(1);
  const options = { ca: require("fs").readFileSync(ca) };
  const session = require("http2").connect("https://localhost:" + port, options);
  session.request({ ":path": "/" }).on("close", () => session.close()).resume();`);

async function nodeVersion(): Promise<string> {
  return (await command("node", ["--version"])).stdout.split(".")[0]!;
}

testClient("node", HAS_NODE, NODE, nodeVersion, {
  v20: {
    ja3: "0cce74b0d9b7f8528fb2181588d23793",
    ja4: "t13d591000_a33745022dd6_1f22a2ca17c4",
    h2Fingerprint: undefined,
  },
});
testClient("node over HTTP/2", HAS_NODE, NODE_HTTP2, nodeVersion, {
  v20: {
    ja3: "1a28e69016765d92e3b381168d68922c",
    ja4: "t13d5911h2_a33745022dd6_1f22a2ca17c4",
    h2Fingerprint: "|00|0|p,m,a,s",
  },
});

let chromium = "";
const CHROMIUM: Ask = async (port, ca) => {
  await using browser = await openBrowser(ca);
  chromium = browser.version().split(".")[0]!;
  const page = await browser.newPage();
  assertEquals((await page.goto(`https://localhost:${port}/`))?.status(), 200);
};

testClient("Chromium", HAS_BROWSER, CHROMIUM, () => Promise.resolve(chromium), {
  // Its extensions have another order each time, and so does JA3.
  "156": {
    ja4: "t13d1517h2_8daaf6152771_cb7bf5808d99",
    h2Fingerprint: "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p",
  },
});

Deno.test("the program gets a client's certificate, with the result of its verification", async () => {
  const authority = await createAuthority();
  const clients = await createAuthority();
  const day = 24 * 3600 * 1000;
  const past = { from: new Date(Date.now() - 9 * day), to: new Date(Date.now() - day) };
  const tls = {
    ...await authority.issue(["localhost", "ip:127.0.0.1"]),
    clientCa: clients.ca,
    clientAuth: "request" as const,
  };
  const seen: Exchange[] = [];
  await using server = await serving((exchange) => {
    seen.push(exchange);
    answerText(exchange, "ok");
  }, { tls, hostname: "localhost" });
  const good = await clients.issue(["client"]);
  const cases = [
    [undefined, "certificate-missing"],
    [good, "ok"],
    [await (await createAuthority()).issue(["client"]), "unknown-ca"],
    [await clients.issue(["client"], past), "certificate-expired"],
  ] as const;
  for (const [identity, result] of cases) {
    for (const version of ["--http1.1", "--http2"]) {
      const pem = identity ? `${identity.cert}\n${identity.key}` : "";
      await withFiles({ "ca.pem": authority.ca, "client.pem": pem }, async (folder) => {
        const own = identity ? ["--cert", `${folder}/client.pem`] : [];
        const url = `https://localhost:${server.port}/`;
        const { stdout } = await curl(version, "--cacert", `${folder}/ca.pem`, ...own, url);
        assertEquals(stdout, "ok", result);
      });
      const { verifyResult, clientCertificate } = seen.at(-1)!.client.tls!;
      assertEquals(verifyResult, result);
      const plain = (pem: string | undefined) => pem?.replace(/\s/g, "");
      assertEquals(plain(clientCertificate), plain(identity?.cert));
    }
  }
  assert(seen.length === 8);
});
