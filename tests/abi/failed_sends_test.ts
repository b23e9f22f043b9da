import { createServer } from "node:net";
import type { BackendDefinition } from "../../service/backends/definition.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { createAuthority } from "../certificates.ts";
import { secureOrigin } from "../service/backends/http2_origins.ts";
import { OK, rawOrigin } from "../service/backends/origins.ts";
import { bench } from "./_bench.ts";

const REQ = "fastly_http_req";

/** Returns the log entries above debug level while requests are sent to the backend `origin`. */
async function linesOf(
  origin: BackendDefinition,
  { calls = ["send_v3"], url = "http://guest.test/path?secret=1", ...options }:
    & { calls?: readonly string[]; url?: string }
    & ServiceOptions = {},
): Promise<string[]> {
  using b = bench({ ...options, backends: { origin } });
  for (const name of calls) {
    const request = await b.request(url);
    const detail = name === "send" ? [] : [0x200];
    await b.call(REQ, name, request, await b.body(), "origin", ...detail, 0x100, 0x104);
  }
  return b.logs.flatMap((entry) =>
    entry.kind === "host"
      ? [`${entry.level} ${entry.requestId === b.sandbox.requests.current.id}: ${entry.message}`]
      : []
  );
}

const closed = rawOrigin(() => Promise.resolve());
await closed.close();
const { ca, issue } = await createAuthority();

Deno.test("a send that fails is logged once, with backend, URL, cause and remedy", async () => {
  const { host } = new URL(closed.url);
  assertEquals(await linesOf(`${closed.url}/base`), [
    `warning true: The request GET http://guest.test/base/path to backend "origin" failed. ` +
    `Cannot connect to http://${host}: the connection was refused; start it, or correct its url ` +
    "in fastly.toml",
  ]);
});

Deno.test("each send that fails is logged, through the cache or not", async () => {
  const calls = ["send", "send_v2", "send_v3"];
  assertEquals((await linesOf(closed.url, { calls })).length, 3);
});

Deno.test("a send that fails is logged once where the guest has left its response to it", async () => {
  using b = bench({ backends: { origin: closed.url } });
  const pending = await b.got(REQ, "send_async", await b.request(), await b.body(), "origin");
  assertEquals(b.now("fastly_http_resp", "send_downstream_pending", pending), 0);
  assertEquals((await b.exchange.response()).head.status, 502);
  assertEquals(b.logs.filter(({ kind }) => kind === "host").length, 1);
});

Deno.test("a long URL is shortened in the log", async () => {
  const [line] = await linesOf(closed.url, { url: `http://guest.test/${"x".repeat(5000)}` });
  assertMatch(line!, /^.{150,400}$/);
  assertMatch(line!, /x… to backend/);
});

Deno.test("a send that succeeds is not logged", async () => {
  const origin = rawOrigin(async (wire) => {
    await wire.head();
    await wire.write(OK);
  });
  assertEquals(await linesOf(origin.url), []);
  await origin.close();
});

Deno.test("a send that the guest gives up is not logged", async () => {
  const asked = Promise.withResolvers<void>();
  const origin = rawOrigin(async (wire) => {
    await wire.head();
    asked.resolve();
    await wire.rest();
  });
  const b = bench({ backends: { origin: origin.url } });
  b.now(REQ, "send_async", await b.request("http://a/"), await b.body(), "origin", 0x100);
  await asked.promise;
  b[Symbol.dispose]();
  await origin.close();
  assertEquals(b.logs, []);
});

Deno.test("an exception of a backend in JavaScript is logged once, with its name", async () => {
  const lines = await linesOf(() => {
    throw new Error("as it was");
  });
  assertEquals(lines.length, 1);
  assertMatch(lines[0]!, /^error true: The handler of backend "[^"]+" failed: .*as it was/);
});

Deno.test("a backend in JavaScript that answers with no Response is logged", async () => {
  const lines = await linesOf((() => "text") as unknown as BackendDefinition);
  assertEquals(lines.length, 1);
  assertMatch(lines[0]!, /^warning true: .* something that is not a Response$/);
});

for (
  const [what, options, advice] of [
    [
      "a certificate that nobody trusts",
      {},
      /not accepted \(.*\); unless it has expired, set ca_certificate to that of its authority, or, for development, tls_verify = false$/,
    ],
    [
      "a certificate for another name",
      { ca, certHost: "other.test" },
      /not accepted \(.*\); set cert_host to a name that the certificate has, or, for development, tls_verify = false$/,
    ],
  ] as const
) {
  for (const http2 of [true, false]) {
    Deno.test(`${what} is logged with the remedy, ${http2 ? "HTTP/2" : "HTTP/1.1"}`, async () => {
      const origin = await secureOrigin(() => {}, await issue(["ip:127.0.0.1"]));
      const lines = await linesOf({ url: origin.url, tls: options, http2 });
      assertEquals(lines.length, 1);
      assertMatch(lines[0]!, advice);
      await origin.close();
    });
  }
}

Deno.test("an expired certificate is logged with the remedy", async () => {
  const validity = { from: new Date(0), to: new Date(1000) };
  const origin = await secureOrigin(() => {}, await issue(["ip:127.0.0.1"], validity));
  const [line] = await linesOf({ url: origin.url, tls: { ca } });
  assertMatch(line!, /; unless it has expired, /);
  await origin.close();
});

Deno.test("TLS to a backend without, and the other way around, are logged with the remedy", async () => {
  const plain = rawOrigin(async (wire) => {
    await wire.until("\n");
    await wire.write("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  const [toPlain] = await linesOf(plain.url.replace("http:", "https:"));
  assertMatch(toPlain!, /; if it speaks no TLS, its url begins with http:\/\/$/);
  await plain.close();
  const secure = await secureOrigin(() => {}, await issue(["ip:127.0.0.1"]));
  const [toSecure] = await linesOf(secure.url.replace("https:", "http:"));
  assertMatch(toSecure!, /; .*if it speaks TLS, its url begins with https:\/\/$/);
  await secure.close();
});

for (const how of ["closed", "reset"]) {
  Deno.test(`a connection that is ${how} before the response is logged`, async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => how === "reset" ? socket.resetAndDestroy() : socket.end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const [line] = await linesOf(`http://127.0.0.1:${port}`);
    assertMatch(line!, /the connection was closed; look into its own log; if it speaks TLS, /);
    await new Promise((resolve) => server.close(resolve));
  });
}

Deno.test("an unknown name, and a late response, are logged with the remedy", async () => {
  const [unknown] = await linesOf("http://nowhere.invalid");
  assertMatch(unknown!, /name (is unknown|could not be resolved); correct its url in fastly.toml$/);
  const silent = rawOrigin(async (wire) => void await wire.rest());
  const [late] = await linesOf({ url: silent.url, timeouts: { firstByte: 20 } });
  assertMatch(late!, /no response head within 20 ms; .* raise first_byte_timeout_ms$/);
  await silent.close();
});
