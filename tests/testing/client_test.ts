import { type TestClient, TestHost } from "../../testing.ts";
import { assemble } from "../../cli/wat.ts";
import { assertEquals } from "../assert.ts";

const AGENT = "agent/1.0";

/**
 * Each hostcall that tells something of a client, and how: in a buffer with a length for its room, in one without, in a
 * number.
 */
const CALLS: Readonly<Record<string, "text" | "octets" | "number" | "current">> = {
  downstream_client_ip_addr: "octets",
  downstream_server_ip_addr: "octets",
  downstream_client_h2_fingerprint: "text",
  downstream_client_oh_fingerprint: "text",
  downstream_client_ddos_detected: "number",
  downstream_compliance_region: "text",
  downstream_tls_cipher_openssl_name: "text",
  downstream_tls_protocol: "text",
  downstream_tls_client_hello: "text",
  downstream_tls_raw_client_certificate: "text",
  downstream_tls_client_cert_verify_result: "number",
  downstream_tls_client_servername: "text",
  downstream_tls_ja3_md5: "octets",
  downstream_tls_ja4: "text",
  downstream_bot_analyzed: "number",
  downstream_bot_detected: "number",
  downstream_bot_name: "text",
  downstream_bot_category: "text",
  downstream_bot_verified: "number",
  downstream_resvpnproxy_is_anonymous: "number",
  downstream_resvpnproxy_is_anonymous_vpn: "number",
  downstream_resvpnproxy_is_hosting_provider: "number",
  downstream_resvpnproxy_is_proxy_over_vpn: "number",
  downstream_resvpnproxy_is_public_proxy: "number",
  downstream_resvpnproxy_is_relay_proxy: "number",
  downstream_resvpnproxy_is_residential_proxy: "number",
  downstream_resvpnproxy_is_smart_dns_proxy: "number",
  downstream_resvpnproxy_is_tor_exit_node: "number",
  downstream_resvpnproxy_is_vpn_datacenter: "number",
  downstream_resvpnproxy_vpn_service_name: "text",
  downstream_visits_this_service: "current",
  downstream_visits_this_pop: "current",
};
const NAMES = [...Object.keys(CALLS), "geo", "device"];
const WORDS = { text: 4, octets: 3, number: 2, current: 1 };
const REQUEST = "(i32.load (i32.const 0))";
const BUFFER = "(i32.const 1024)";
const LENGTH = "(i32.const 12)";
const ARGUMENTS = {
  text: `${REQUEST} ${BUFFER} (i32.const 8192) ${LENGTH}`,
  octets: `${REQUEST} ${BUFFER} ${LENGTH}`,
  number: `${REQUEST} ${BUFFER}`,
  current: BUFFER,
};

/** A guest that answers with the status and the value of each call, in order. */
const WASM = await assemble(
  "client.wat",
  `(module
  ${
    Object.entries(CALLS).map(([name, kind]) =>
      `(import "fastly_http_downstream" "${name}"
        (func $${name} (param ${"i32 ".repeat(WORDS[kind])}) (result i32)))`
    ).join("\n")
  }
  (import "fastly_geo" "lookup" (func $geo (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_device_detection" "lookup"
    (func $device (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_req" "body_downstream_get" (func $get (param i32 i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "${AGENT}")
  (func $tell (param $status i32)
    (if (local.get $status) (then (i32.store ${LENGTH} (i32.const 0))))
    (i32.store (i32.const 16) (local.get $status))
    (i32.store (i32.const 20) (i32.load ${LENGTH}))
    (drop (call $write (i32.load (i32.const 4)) (i32.const 16) (i32.const 8) (i32.const 0) (i32.const 24)))
    (drop (call $write (i32.load (i32.const 4)) ${BUFFER} (i32.load ${LENGTH}) (i32.const 0) (i32.const 24))))
  (func (export "_start")
    (drop (call $get (i32.const 0) (i32.const 4)))
    (drop (call $response (i32.const 8)))
    (drop (call $body (i32.const 4)))
    ${
    Object.entries(CALLS).map(([name, kind]) =>
      `(i32.store ${LENGTH} (i32.const 4)) (call $tell (call $${name} ${ARGUMENTS[kind]}))`
    ).join("\n")
  }
    (drop (call $downstream_client_ip_addr ${REQUEST} (i32.const 32) ${LENGTH}))
    (call $tell (call $geo (i32.const 32) (i32.load ${LENGTH}) ${BUFFER} (i32.const 8192) ${LENGTH}))
    (call $tell (call $device (i32.const 64) (i32.const ${AGENT.length}) ${BUFFER} (i32.const 8192) ${LENGTH}))
    (drop (call $send (i32.load (i32.const 8)) (i32.load (i32.const 4)) (i32.const 0)))))`,
);

type Told = string | number | undefined | object;

/** Facts that the guest gets about the client of one request; empty for unknown ones. */
async function told(
  host: TestHost,
  client?: TestClient,
  agent = AGENT,
): Promise<Record<string, Told>> {
  const response = await host.fetch("/", {
    headers: { "user-agent": agent },
    ...client && { client },
  });
  const bytes = await response.bytes();
  const view = new DataView(bytes.buffer);
  let at = 0;
  const values = NAMES.map((name): [string, Told] => {
    const [status, length] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    const value = bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length;
    const short = name.replace(/^downstream_(resvpnproxy_)?/, "");
    if (status) return [short, undefined];
    const kind = CALLS[name];
    if (kind === "number" || kind === "current") {
      return [short, new DataView(value.slice().buffer).getUint32(0, true)];
    }
    if (name.endsWith("ip_addr")) return [short, value.join(".")];
    if (kind === "octets" || name.endsWith("client_hello")) return [short, value.toHex()];
    const text = new TextDecoder().decode(value);
    return [short, kind ? text : JSON.parse(text || "null")];
  });
  assertEquals(at, bytes.length);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

const GEO = {
  as_name: "An Operator",
  as_number: 64500,
  area_code: 1,
  city: "Paris",
  conn_speed: "cable",
  conn_type: "wifi",
  continent: "EU",
  country_code: "FR",
  country_code3: "FRA",
  country_name: "France",
  latitude: 48.85,
  longitude: 2.35,
  metro_code: 2,
  postal_code: "75001",
  proxy_description: "vpn",
  proxy_type: "hosting",
  region: "IDF",
  utc_offset: 100,
};
const DEVICE = {
  user_agent: { name: "Agent", major: "1" },
  os: { name: "System" },
  device: { brand: "A brand", is_mobile: true },
};
const PROXY = {
  anonymous: true,
  anonymousVpn: false,
  hostingProvider: true,
  proxyOverVpn: false,
  publicProxy: true,
  relayProxy: false,
  residentialProxy: true,
  smartDnsProxy: false,
  torExitNode: true,
  vpnDatacenter: false,
  vpnServiceName: "a vpn",
};

/** Everything that a test can say of a client. */
const EVERYTHING: TestClient = {
  ip: "192.0.2.1",
  serverAddress: "198.51.100.1",
  geo: GEO,
  device: DEVICE,
  tls: {
    protocol: "TLSv1.2",
    cipher: "ECDHE-RSA-AES128-GCM-SHA256",
    serverName: "guest.test",
    clientHello: new Uint8Array([1, 0, 255]),
    ja3: "00112233445566778899aabbccddeeff",
    ja4: "t13d1516h2_8daaf6152771_b186095e22b6",
    clientCertificate: "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n",
    verifyResult: "certificate-expired",
  },
  h2Fingerprint: "1:65536|0|0|m,a,s,p",
  ohFingerprint: "oh",
  ddosDetected: true,
  region: "eu",
  bot: { analyzed: true, detected: true, name: "GoodBot", category: "ai-crawler", verified: true },
  proxy: PROXY,
  visits: { service: 3, pop: 2 },
};

const EVERYTHING_TOLD: Record<string, Told> = {
  client_ip_addr: "192.0.2.1",
  server_ip_addr: "198.51.100.1",
  client_h2_fingerprint: "1:65536|0|0|m,a,s,p",
  client_oh_fingerprint: "oh",
  client_ddos_detected: 1,
  compliance_region: "eu",
  tls_cipher_openssl_name: "ECDHE-RSA-AES128-GCM-SHA256",
  tls_protocol: "TLSv1.2",
  tls_client_hello: "0100ff",
  tls_raw_client_certificate: EVERYTHING.tls!.clientCertificate,
  tls_client_cert_verify_result: 3,
  tls_client_servername: "guest.test",
  tls_ja3_md5: "00112233445566778899aabbccddeeff",
  tls_ja4: "t13d1516h2_8daaf6152771_b186095e22b6",
  bot_analyzed: 1,
  bot_detected: 1,
  bot_name: "GoodBot",
  bot_category: "ai-crawler",
  bot_verified: 1,
  is_anonymous: 1,
  is_anonymous_vpn: 0,
  is_hosting_provider: 1,
  is_proxy_over_vpn: 0,
  is_public_proxy: 1,
  is_relay_proxy: 0,
  is_residential_proxy: 1,
  is_smart_dns_proxy: 0,
  is_tor_exit_node: 1,
  is_vpn_datacenter: 0,
  vpn_service_name: "a vpn",
  visits_this_service: 3,
  visits_this_pop: 2,
  geo: GEO,
  device: DEVICE,
};

Deno.test("every fact of a client is the one that the test has set for all requests, until it sets another", async () => {
  await using host = await TestHost.start({ wasm: WASM });
  const usual = await told(host);
  assertEquals(usual.client_ip_addr, "127.0.0.1");
  assertEquals([usual.tls_protocol, usual.bot_name, usual.is_anonymous], Array(3).fill(undefined));
  host.client(EVERYTHING);
  for (let i = 0; i < 2; i++) assertEquals(await told(host), EVERYTHING_TOLD);
  host.client({});
  assertEquals(await told(host), usual);
});

Deno.test("every fact of a client can be set for one request, and holds for no other", async () => {
  await using host = await TestHost.start({ wasm: WASM });
  const usual = await told(host);
  assertEquals(await told(host, EVERYTHING), EVERYTHING_TOLD);
  // The guest looks for the device of another client than its own.
  assertEquals((await told(host, {}, "other")).device, undefined);
  assertEquals(await told(host), usual);
});

Deno.test("facts of one request take precedence over those of all, and these over the options", async () => {
  await using host = await TestHost.start({
    wasm: WASM,
    client: { region: "us", ip: "192.0.2.9", ohFingerprint: "start" },
  });
  const facts = async (client?: TestClient) => {
    const { client_ip_addr, compliance_region, client_oh_fingerprint } = await told(host, client);
    return [client_ip_addr, compliance_region, client_oh_fingerprint];
  };
  assertEquals(await facts(), ["192.0.2.9", "us", "start"]);
  host.client({ region: "eu" });
  assertEquals(await facts(), ["192.0.2.9", "eu", "start"]);
  assertEquals(await facts({ ip: "192.0.2.10" }), ["192.0.2.10", "eu", "start"]);
  assertEquals(await facts(), ["192.0.2.9", "eu", "start"]);
  await host.reset();
  assertEquals(await facts(), ["192.0.2.9", "us", "start"]);
});
