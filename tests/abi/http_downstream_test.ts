import { assertEquals, assertMatch } from "../assert.ts";
import type { FactsOverride } from "../../service/client/client_facts.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { bench, BUF, type FakeRequest, FINISHED, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const DOWN = "fastly_http_downstream";
const { ok, error, badf, buflen, none } = XqdStatus;

Deno.test("addresses are 4 or 16 octets, and no byte more", () => {
  using b = bench({}, { client: { address: "203.0.113.9", serverAddress: "2001:db8::a" } });
  const { request } = b.sandbox.requests.downstream;
  b.fill(BUF, 32);
  assertEquals(b.now(DOWN, "downstream_client_ip_addr", request, BUF, OUT), ok);
  assertEquals(b.memory.u32(OUT), 4);
  assertEquals([...b.memory.bytes(BUF, 4)], [203, 0, 113, 9]);
  b.assertFilled(BUF + 4, 28);
  assertEquals(b.now(DOWN, "downstream_server_ip_addr", request, BUF, OUT), ok);
  assertEquals(b.memory.u32(OUT), 16);
  assertEquals([...b.memory.bytes(BUF, 16)], [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 10]);
  b.assertFilled(BUF + 16, 16);
});

Deno.test("the request id is the sandbox's: 32 digits, of which the first 16 are zero", async () => {
  using b = bench();
  const { request } = b.sandbox.requests.downstream;
  const { text } = await b.read(DOWN, "downstream_client_request_id", [request]);
  assertMatch(text, /^0{16}[0-9a-f]{16}$/);
  assertEquals(text, b.sandbox.id);
  const short = await b.read(DOWN, "downstream_client_request_id", [request], 31);
  assertEquals(short, { status: buflen, text: "", length: 32 });
});

Deno.test("two sandboxes have two ids", () => {
  using one = bench();
  assertEquals(one.service.nextId() === one.sandbox.id, false);
});

Deno.test("original header names are the client's own, once each, whatever the guest adds", async () => {
  using b = bench({}, { headers: ["Host", "h", "X-Twice", "1", "aCCept", "*", "x-twice", "2"] });
  const { request } = b.sandbox.requests.downstream;
  assertEquals(b.now("fastly_http_req", "header_insert", request, "added", "1"), ok);
  const names = await b.page(DOWN, "downstream_original_header_names", [request]);
  assertEquals(names.values, ["Host", "X-Twice", "aCCept"]);
  const first = await b.page(DOWN, "downstream_original_header_names", [request], { room: 14 });
  assertEquals([first.values, first.next], [["Host", "X-Twice"], 2n].slice(0, 2));
  assertEquals(await b.got(DOWN, "downstream_original_header_count", request), 4);
});

const facts = ["client_h2_fingerprint", "client_oh_fingerprint"];
const tlsFacts = [
  "tls_raw_client_certificate",
  "tls_cipher_openssl_name",
  "tls_protocol",
  "tls_client_hello",
  "tls_client_servername",
  "tls_ja4",
];
for (const fact of [...facts, ...tlsFacts]) {
  Deno.test(`${fact} of a plain connection is None and touches nothing`, async () => {
    using b = bench();
    const { request } = b.sandbox.requests.downstream;
    const expected = { status: none, text: "", length: UNTOUCHED };
    assertEquals(await b.read(DOWN, `downstream_${fact}`, [request]), expected);
  });
}

Deno.test("the JA3 digest and the certificate's verdict are None and touch nothing", () => {
  using b = bench();
  const { request } = b.sandbox.requests.downstream;
  b.fill(BUF, 16);
  b.fill(OUT, 8);
  assertEquals(b.now(DOWN, "downstream_tls_ja3_md5", request, BUF, OUT), none);
  assertEquals(b.now(DOWN, "downstream_tls_client_cert_verify_result", request, OUT), none);
  b.assertFilled(BUF, 16);
  b.assertFilled(OUT, 8);
});

Deno.test("nothing is known against the client", async () => {
  using b = bench();
  const { request } = b.sandbox.requests.downstream;
  assertEquals(await b.got(DOWN, "downstream_client_ddos_detected", request), 0);
  assertEquals((await b.read(DOWN, "downstream_compliance_region", [request])).text, "none");
});

const keys: [keys: string[] | undefined, field: string[], valid: number][] = [
  [undefined, ["fastly-key", "k"], 0],
  [["k"], [], 0],
  [["k"], ["Fastly-Key", "k"], 1],
  [["j", "k"], ["fastly-key", "K"], 0],
];
for (const [fastlyKeys, headers, valid] of keys) {
  Deno.test(`of the keys ${fastlyKeys} the request has ${headers}: ${valid}`, async () => {
    using b = bench(fastlyKeys ? { fastlyKeys } : {}, { headers });
    assertEquals(
      await b.got(DOWN, "fastly_key_is_valid", b.sandbox.requests.downstream.request),
      valid,
    );
    assertEquals(await b.got("fastly_http_req", "fastly_key_is_valid"), valid);
  });
}

const loops: [fields: string[], visits: number][] = [
  [[], 1],
  [["cdn-loop", "other; x=fastlike"], 1],
  [["CDN-Loop", "fastlike, other", "cdn-loop", "Fastlike; v=1"], 3],
];
for (const [headers, visits] of loops) {
  Deno.test(`a request with ${JSON.stringify(headers)} comes by for time ${visits}`, async () => {
    using b = bench({}, { headers });
    assertEquals(await b.got(DOWN, "downstream_visits_this_service"), visits);
    assertEquals(await b.got(DOWN, "downstream_visits_this_pop"), visits);
  });
}

/** All facts of a client. */
const known: FactsOverride = {
  address: "203.0.113.7",
  serverAddress: "198.51.100.1",
  tls: {
    protocol: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    serverName: "guest.test",
    clientHello: new Uint8Array([1, 0, 255]),
    ja3: "00112233445566778899aabbccddeeff",
    ja4: "t13d1516h2_8daaf6152771_b186095e22b6",
    clientCertificate: "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n",
    verifyResult: "unknown-ca",
  },
  h2Fingerprint: "1:65536|0|0|m,a,s,p",
  ohFingerprint: "oh",
  ddosDetected: true,
  region: "eu",
  bot: { analyzed: true, detected: true, name: "Böt", category: "headless", verified: false },
  proxy: { anonymous: true, torExitNode: true, vpnServiceName: "a vpn" },
  visits: { service: 3, pop: 2 },
};
/** The same as request fields. */
const fields = [
  ...["x-test-address", "203.0.113.7", "X-Test-Server-Address", "198.51.100.1"],
  ...["x-test-tls-protocol", "TLSv1.3", "x-test-tls-cipher", "TLS_AES_128_GCM_SHA256"],
  ...["x-test-tls-server-name", "guest.test", "x-test-tls-client-hello", "AQD/"],
  ...["x-test-ja3", "00112233445566778899aabbccddeeff"],
  ...["x-test-ja4", "t13d1516h2_8daaf6152771_b186095e22b6"],
  ...["x-test-tls-client-certificate", "AQID", "x-test-tls-verify-result", "unknown-ca"],
  ...["x-test-h2-fingerprint", "1:65536|0|0|m,a,s,p", "x-test-oh-fingerprint", "oh"],
  ...["x-test-ddos-detected", "true", "x-test-region", "eu"],
  ...["x-test-bot-analyzed", "true", "x-test-bot-detected", "true", "x-test-bot-name", "BÃ¶t"],
  ...["x-test-bot-category", "headless", "x-test-bot-verified", "false"],
  ...["x-test-proxy-anonymous", "true", "x-test-proxy-tor-exit-node", "true"],
  ...["x-test-proxy-vpn-service-name", "a vpn", "x-test-visits-service", "3"],
  ...["x-test-visits-pop", "2"],
];
const sources: [title: string, options: ServiceOptions, request: FakeRequest][] = [
  ["the front", {}, { client: known }],
  ["an option", { clientFacts: known }, {}],
  ["a provider", { clientFacts: () => known }, { client: { region: "us" } }],
  ["request fields", { factsPrefix: "X-Test-", clientFacts: { region: "us" } }, {
    headers: fields,
  }],
];
for (const [title, options, fake] of sources) {
  Deno.test(`facts come from ${title}`, async () => {
    using b = bench(options, fake);
    const { request } = b.sandbox.requests.downstream;
    const texts: Record<string, string> = {
      tls_protocol: "TLSv1.3",
      tls_cipher_openssl_name: "TLS_AES_128_GCM_SHA256",
      tls_client_servername: "guest.test",
      tls_ja4: "t13d1516h2_8daaf6152771_b186095e22b6",
      tls_raw_client_certificate: known.tls!.clientCertificate!,
      client_h2_fingerprint: "1:65536|0|0|m,a,s,p",
      client_oh_fingerprint: "oh",
      compliance_region: "eu",
    };
    for (const [name, text] of Object.entries(texts)) {
      assertEquals((await b.read(DOWN, `downstream_${name}`, [request])).text, text);
      assertEquals((await b.read("fastly_http_req", `downstream_${name}`, [])).text, text);
    }
    const own = {
      bot_name: "Böt",
      bot_category: "headless",
      resvpnproxy_vpn_service_name: "a vpn",
    };
    for (const [name, text] of Object.entries(own)) {
      assertEquals((await b.read(DOWN, `downstream_${name}`, [request])).text, text);
    }
    const numbers = {
      tls_client_cert_verify_result: 4,
      client_ddos_detected: 1,
      bot_analyzed: 1,
      bot_detected: 1,
      bot_verified: 0,
      bot_category_kind: 14,
      resvpnproxy_is_anonymous: 1,
      resvpnproxy_is_tor_exit_node: 1,
      resvpnproxy_is_public_proxy: 0,
    };
    for (const [name, number] of Object.entries(numbers)) {
      assertEquals(await b.got(DOWN, `downstream_${name}`, request), number, name);
    }
    assertEquals(await b.got(DOWN, "downstream_visits_this_service"), 3);
    assertEquals(await b.got(DOWN, "downstream_visits_this_pop"), 2);
    for (const [name, octets] of [["client", [203, 0, 113, 7]], ["server", [198, 51, 100, 1]]]) {
      assertEquals(b.now(DOWN, `downstream_${name}_ip_addr`, request, BUF, OUT), ok);
      assertEquals([...b.memory.bytes(BUF, b.memory.u32(OUT))], octets);
    }
    assertEquals(b.now(DOWN, "downstream_tls_ja3_md5", request, BUF, OUT), ok);
    assertEquals(b.memory.bytes(BUF, b.memory.u32(OUT)).toHex(), known.tls!.ja3);
    assertEquals(b.now(DOWN, "downstream_tls_client_hello", request, BUF, 64, OUT), ok);
    assertEquals([...b.memory.bytes(BUF, b.memory.u32(OUT))], [1, 0, 255]);
  });
}

Deno.test("facts of several sources are merged, and later sources win", async () => {
  using b = bench(
    {
      factsPrefix: "x-test-",
      clientFacts: ({ client }) => ({ region: client.address, bot: { name: "b", category: "1" } }),
    },
    {
      client: { region: "front", ohFingerprint: "front" },
      headers: ["x-fastly-bot-name", "c", "x-fastly-bot-category", "2", "x-test-bot-name", "d"],
    },
  );
  const { request } = b.sandbox.requests.downstream;
  const text = async (name: string) => (await b.read(DOWN, `downstream_${name}`, [request])).text;
  assertEquals(
    [await text("compliance_region"), await text("client_oh_fingerprint")],
    ["127.0.0.1", "front"],
  );
  assertEquals([await text("bot_name"), await text("bot_category")], ["d", "2"]);
});

Deno.test("a provider is asked once for a request", async () => {
  let asked = 0;
  using b = bench({ clientFacts: () => ({ region: String(++asked) }) });
  const { request } = b.sandbox.requests.downstream;
  for (let i = 0; i < 2; i++) {
    assertEquals((await b.read(DOWN, "downstream_compliance_region", [request])).text, "1");
  }
});

Deno.test("if a provider throws, the front's facts remain", async () => {
  using b = bench({
    clientFacts: () => {
      throw new Error("broken");
    },
  });
  const { request } = b.sandbox.requests.downstream;
  assertEquals((await b.read(DOWN, "downstream_compliance_region", [request])).text, "none");
  assertEquals(b.logs.map((entry) => entry.kind === "host" && entry.level), ["error"]);
});

Deno.test("a field that cannot be the fact is left out, with a warning", () => {
  using b = bench({ factsPrefix: "x-test-" }, {
    headers: ["x-test-ja3", "odd", "x-test-address", "here", "x-test-tls-verify-result", "fine"],
  });
  const { request } = b.sandbox.requests.downstream;
  assertEquals(b.now(DOWN, "downstream_tls_ja3_md5", request, BUF, OUT), none);
  assertEquals(b.now(DOWN, "downstream_tls_client_cert_verify_result", request, OUT), none);
  assertEquals(b.now(DOWN, "downstream_client_ip_addr", request, BUF, OUT), ok);
  assertEquals(b.logs.map((entry) => entry.kind === "host" && entry.message), [
    'Cannot use the field "x-test-address": its value is not an IP address',
    'Cannot use the field "x-test-ja3": its value is not 32 hexadecimal digits',
    'Cannot use the field "x-test-tls-verify-result": its value is not one of ok, ' +
    "bad-certificate, certificate-revoked, certificate-expired, unknown-ca, certificate-missing, " +
    "certificate-unknown",
  ]);
});

Deno.test("unknown TLS facts under https are empty texts", async () => {
  using b = bench({}, { url: "https://guest.test/" });
  const { request } = b.sandbox.requests.downstream;
  for (const fact of tlsFacts) {
    const expected = { status: ok, text: "", length: 0 };
    assertEquals(await b.read(DOWN, `downstream_${fact}`, [request]), expected);
  }
});

Deno.test("booleans are four bytes", () => {
  using b = bench();
  b.fill(OUT, 8);
  assertEquals(
    b.now(DOWN, "downstream_bot_analyzed", b.sandbox.requests.downstream.request, OUT),
    ok,
  );
  assertEquals(b.memory.u32(OUT), 0);
  b.assertFilled(OUT + 4, 4);
});

const bots: [fields: string[], expected: Record<string, number | string>][] = [
  [[], { analyzed: 0, detected: 0 }],
  [["x-fastly-bot-analyzed", "true"], { analyzed: 1, detected: 0 }],
  [["X-Fastly-Bot-Detected", "true", "x-fastly-bot-analyzed", "TRUE"], {
    analyzed: 0,
    detected: 1,
  }],
  [["x-fastly-bot-name", "some bot"], { name: "some bot" }],
  [["x-fastly-bot-category", "ai-crawler"], { category: "ai-crawler", category_kind: 3 }],
  [["x-fastly-bot-category", "3"], { category: "3", category_kind: 3 }],
  [["x-fastly-bot-category", "none"], { category_kind: 0 }],
  [["x-fastly-bot-category", "headless"], { category_kind: 14 }],
  [["x-fastly-bot-verified", "true"], { verified: 1 }],
  [["x-fastly-bot-verified", "yes"], { verified: 0 }],
];
for (const [headers, expected] of bots) {
  Deno.test(`bot facts of ${JSON.stringify(headers)}`, async () => {
    using b = bench({ botHeaders: true }, { headers });
    const { request } = b.sandbox.requests.downstream;
    for (const [fact, value] of Object.entries(expected)) {
      if (typeof value === "number") {
        assertEquals(await b.got(DOWN, `downstream_bot_${fact}`, request), value);
      } else assertEquals((await b.read(DOWN, `downstream_bot_${fact}`, [request])).text, value);
    }
  });
}

for (
  const options of [{}, { botHeaders: false }, { factsPrefix: "x-test-", botHeaders: false }, {
    clientFacts: { bot: { detected: false } },
  }]
) {
  Deno.test(`a client cannot say that it is a bot with ${JSON.stringify(options)}`, async () => {
    const headers = ["analyzed", "detected", "verified"]
      .flatMap((fact) => [`X-Fastly-Bot-${fact}`, "true"]);
    using b = bench(options, {
      headers: [...headers, "x-fastly-bot-name", "n", "x-fastly-bot-category", "3"],
    });
    const { request } = b.sandbox.requests.downstream;
    for (const fact of ["analyzed", "detected"]) {
      assertEquals(await b.got(DOWN, `downstream_bot_${fact}`, request), 0);
    }
    for (const fact of ["verified", "category_kind"]) {
      assertEquals(b.now(DOWN, `downstream_bot_${fact}`, request, OUT), none);
    }
    for (const fact of ["name", "category"]) {
      assertEquals((await b.read(DOWN, `downstream_bot_${fact}`, [request])).status, none);
    }
    // They are fields like any other, though.
    const name = await b.read(
      "fastly_http_req",
      "header_value_get",
      [request, "x-fastly-bot-name"],
    );
    assertEquals(name.text, "n");
  });
}

Deno.test("a facts prefix has the fields x-fastly-bot-* count, too", async () => {
  using b = bench({ factsPrefix: "x-" }, { headers: ["x-fastly-bot-name", "n"] });
  const { request } = b.sandbox.requests.downstream;
  assertEquals((await b.read(DOWN, "downstream_bot_name", [request])).text, "n");
});

Deno.test("bot facts that are not there are None and touch nothing", async () => {
  for (const headers of [[], ["x-fastly-bot-category", "15"], ["x-fastly-bot-category", "odd"]]) {
    using b = bench({ botHeaders: true }, { headers });
    const { request } = b.sandbox.requests.downstream;
    const facts = headers.length ? ["category_kind"] : ["category_kind", "verified"];
    for (const fact of facts) {
      b.fill(OUT, 4);
      assertEquals(b.now(DOWN, `downstream_bot_${fact}`, request, OUT), none);
      b.assertFilled(OUT, 4);
    }
    if (headers.length) continue;
    for (const fact of ["name", "category"]) {
      const { status, length } = await b.read(DOWN, `downstream_bot_${fact}`, [request]);
      assertEquals([status, length], [none, UNTOUCHED]);
    }
  }
});

Deno.test("a long bot name tells its length", async () => {
  using b = bench({ botHeaders: true }, { headers: ["x-fastly-bot-name", "n".repeat(100)] });
  const { request } = b.sandbox.requests.downstream;
  assertEquals((await b.read(DOWN, "downstream_bot_name", [request], 64)).length, 100);
});

Deno.test("there is no data about VPNs and proxies", async () => {
  using b = bench();
  const { request } = b.sandbox.requests.downstream;
  for (const fact of ["is_anonymous", "is_vpn_datacenter", "is_tor_exit_node"]) {
    assertEquals(b.now(DOWN, `downstream_resvpnproxy_${fact}`, request, OUT), none);
  }
  const name = await b.read(DOWN, "downstream_resvpnproxy_vpn_service_name", [request]);
  assertEquals(name, { status: none, text: "", length: UNTOUCHED });
});

Deno.test("a request of the guest's own has no client; other handles are Badf", async () => {
  using b = bench();
  const own = await b.request();
  assertEquals(b.now(DOWN, "downstream_client_ip_addr", own, BUF, OUT), error);
  assertEquals((await b.page(DOWN, "downstream_original_header_names", [own])).next, FINISHED);
  assertEquals(b.now(DOWN, "downstream_bot_analyzed", own, OUT), error);
  for (const handle of [0, 99, await b.body()]) {
    assertEquals(b.now(DOWN, "downstream_client_ip_addr", handle, BUF, OUT), badf);
    assertEquals(b.now(DOWN, "downstream_bot_verified", handle, OUT), badf);
  }
});
