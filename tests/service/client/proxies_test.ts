import { EMPTY } from "../../../service/http/bytes.ts";
import { type Exchange, HttpVersion } from "../../../service/http/exchange.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { isProxyRange, TrustedProxies } from "../../../service/client/proxies.ts";
import { RequestMetrics } from "../../../service/http/request_metrics.ts";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "../../assert.ts";
import { processorTime } from "../../durations.ts";

function exchange(address: string, ...headers: string[]): Exchange {
  return {
    head: {
      method: "GET",
      url: "http://test.example/a?b=http://c",
      version: HttpVersion.http11,
      headers: new HeaderList(headers),
    },
    body: EMPTY,
    client: { address, port: 1234, serverAddress: "127.0.0.1", serverPort: 80, tls: { ja4: "x" } },
    metrics: new RequestMetrics(),
    inform() {},
    respond() {},
    onGone() {},
  };
}

const PEER = "10.0.0.1";
const proxies = new TrustedProxies(["10.0.0.0/8", "2001:db8:aaaa::/48"]);

/** The client by lines of `X-Forwarded-For`. */
function clientOf(...lines: string[]): string {
  const fields = lines.flatMap((line) => ["X-Forwarded-For", line]);
  const { address, port } = proxies.see(exchange(PEER, ...fields)).client;
  return `${address} ${port}`;
}

Deno.test("the client is the one that the nearest trusted proxy names", () => {
  assertEquals(clientOf("192.0.2.7"), "192.0.2.7 0");
  assertEquals(clientOf("203.0.113.9, 192.0.2.7"), "192.0.2.7 0", "what it was told itself");
  assertEquals(clientOf("nonsense, 192.0.2.7"), "192.0.2.7 0", "what is not looked at");
});

Deno.test("trusted proxies in between are passed over", () => {
  assertEquals(clientOf("192.0.2.7, 10.1.1.1 ,10.2.2.2"), "192.0.2.7 0");
  assertEquals(clientOf("192.0.2.7, 2001:db8:aaaa::1"), "192.0.2.7 0");
  assertEquals(clientOf("10.3.3.3, 10.1.1.1"), "10.3.3.3 0", "a client within the network");
});

Deno.test("several fields are one list, in their order", () => {
  assertEquals(clientOf("192.0.2.6", "192.0.2.7, 10.1.1.1", "10.2.2.2"), "192.0.2.7 0");
});

Deno.test("ports are stripped from addresses of IPv4 and IPv6", () => {
  assertEquals(clientOf("192.0.2.7:8080"), "192.0.2.7 8080");
  assertEquals(clientOf("[2001:db8::1]:8080"), "2001:db8::1 8080");
  assertEquals(clientOf("[2001:db8::1]"), "2001:db8::1 0");
  assertEquals(clientOf("2001:DB8:0:0::1"), "2001:db8::1 0");
  assertEquals(clientOf("::ffff:192.0.2.7"), "192.0.2.7 0");
});

Deno.test("a list with something that is no address leaves the peer as the client", () => {
  for (
    const line of ["unknown", "192.0.2.7, _hidden", "192.0.2.7, 10.1.1.1:x", "192.0.2.256", ",", ""]
  ) {
    assertEquals(clientOf(line), `${PEER} 1234`, line);
  }
});

Deno.test("a peer that is not trusted changes nothing", () => {
  for (const peer of ["192.0.2.1", "::1", "not an address"]) {
    const own = exchange(peer, "X-Forwarded-For", "192.0.2.7", "X-Forwarded-Proto", "https");
    assertStrictEquals(proxies.see(own), own);
  }
});

Deno.test("a trusted peer that says nothing is the client", () => {
  const own = exchange(PEER);
  assertStrictEquals(proxies.see(own), own);
});

/** The scheme that a trusted proxy's fields give. */
function schemeOf(protocol: string, forwardedFor?: string): string {
  const seen = proxies.see(exchange(
    PEER,
    "X-Forwarded-Proto",
    protocol,
    ...forwardedFor === undefined ? [] : ["X-Forwarded-For", forwardedFor],
  ));
  assert(seen.head.url.endsWith("://test.example/a?b=http://c"), seen.head.url);
  return seen.head.url.split(":")[0]!;
}

Deno.test("the scheme is the proxy's word, with an address or without", () => {
  assertEquals(schemeOf("https"), "https");
  assertEquals(schemeOf("HTTPS", "192.0.2.7"), "https");
  assertEquals(schemeOf("wss"), "https");
  assertEquals(schemeOf("http"), "http");
  assertEquals(schemeOf("gopher"), "http");
});

Deno.test("of several schemes the one counts that the client's own proxy has seen", () => {
  assertEquals(schemeOf("https, http", "192.0.2.7, 10.1.1.1"), "https");
  assertEquals(schemeOf("https, http", "203.0.113.9, 192.0.2.7"), "http");
  assertEquals(schemeOf("https, http", "192.0.2.7"), "http", "a client's own claim comes first");
});

Deno.test("the proxy's own TLS connection is not the client's", () => {
  const seen = proxies.see(exchange(PEER, "X-Forwarded-For", "192.0.2.7"));
  assertEquals(seen.client.tls, undefined);
});

Deno.test("a range ends where its bits end", () => {
  const odd = new TrustedProxies(["10.0.0.0/9", "192.0.2.8/31", "198.51.100.1", "2001:db8::/33"]);
  const trusted = (peer: string) => {
    const own = exchange(peer, "X-Forwarded-For", "203.0.113.1");
    return odd.see(own) !== own;
  };
  for (const peer of ["10.127.255.255", "192.0.2.9", "198.51.100.1", "2001:db8:7fff::1"]) {
    assert(trusted(peer), peer);
  }
  for (const peer of ["10.128.0.0", "192.0.2.10", "198.51.100.2", "2001:db8:8000::"]) {
    assert(!trusted(peer), peer);
  }
  const everyone = new TrustedProxies(["0.0.0.0/0"]);
  const own = exchange("203.0.113.1", "X-Forwarded-For", "192.0.2.7");
  assertEquals(everyone.see(own).client.address, "192.0.2.7");
});

Deno.test("ranges have names, and unknown names are refused", () => {
  const near = new TrustedProxies(["loopback", "private"]);
  for (const peer of ["127.0.0.1", "::1", "10.9.9.9", "172.31.0.1", "192.168.1.1", "fd12::1"]) {
    const seen = near.see(exchange(peer, "X-Forwarded-For", "192.0.2.7"));
    assertEquals(seen.client.address, "192.0.2.7", peer);
  }
  assert(isProxyRange("10.0.0.0/8") && isProxyRange("::1") && isProxyRange("loopback"));
  assert(!isProxyRange("10.0.0.0/33") && !isProxyRange("") && !isProxyRange("localhost"));
  assertThrows(
    () => new TrustedProxies(["private", "10.0.0"]),
    TypeError,
    'Cannot trust the proxy "10.0.0": it is not an address',
  );
});

Deno.test("Forwarded says the same where no X-Forwarded field says anything", async () => {
  const see = (...fields: string[]) => {
    const { client: { address, port }, head: { url } } = proxies.see(exchange(PEER, ...fields));
    return `${address} ${port} ${url.replace(/:.*/, "")}`;
  };
  const plain = `${PEER} 1234 http`;
  assertEquals(see("Forwarded", "for=192.0.2.7;proto=https"), "192.0.2.7 0 https");
  assertEquals(see("forwarded", 'Proto=HTTPS; For="[2001:db8::7]:4711"'), "2001:db8::7 4711 https");
  assertEquals(
    see("Forwarded", "for=203.0.113.9;proto=http, for=192.0.2.7;proto=https;by=x, for=10.9.9.9"),
    "192.0.2.7 0 https",
    "the statement of the proxy that saw the client",
  );
  assertEquals(
    see("Forwarded", "for=203.0.113.9", "Forwarded", "for=192.0.2.7"),
    "192.0.2.7 0 http",
  );
  assertEquals(see("Forwarded", 'for="a, for=203.0.113.9;", for=192.0.2.7'), "192.0.2.7 0 http");
  assertEquals(see("Forwarded", "for=192.0.2.7, for=unknown"), plain);
  assertEquals(see("Forwarded", "for=192.0.2.7, for=_hidden"), plain);
  assertEquals(see("Forwarded", "for=192.0.2.7, proto=http"), plain);
  assertEquals(see("Forwarded", ";;,"), plain);
  const near = 'for="[2001:db8::7]"';
  for (
    const open of ['for="', 'for=203.0.113.9;by="', "for=203.0.113.9;", "nonsense", '"'.repeat(99)]
  ) {
    assertEquals(
      see("Forwarded", `${open}, ${near}`),
      "2001:db8::7 0 http",
      "what a client leaves open",
    );
    assertEquals(see("Forwarded", open, "Forwarded", near), "2001:db8::7 0 http");
  }
  assertEquals(see("Forwarded", "for=203.0.113.9, nonsense, for=10.9.9.9"), plain);
  assertEquals(see("Forwarded", "for=203.0.113.9" + ',"'.repeat(50_000)), plain);
  const millis = await processorTime(() => {
    for (const text of ['for="' + '\\"'.repeat(50_000), "for=a" + " ".repeat(100_000) + "b"]) {
      assertEquals(see("Forwarded", `${text}, ${near}`), "2001:db8::7 0 http");
      assertEquals(see("Forwarded", text), plain);
    }
  });
  assert(millis < 3000, `it takes linear time, and not ${millis} ms`);
  const both = ["X-Forwarded-For", "192.0.2.8", "Forwarded", "for=192.0.2.7;proto=https"];
  assertEquals(see(...both), "192.0.2.8 0 http");
});
