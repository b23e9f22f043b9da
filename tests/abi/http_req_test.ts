import { GuestRequest } from "../../handles/message.ts";
import { HttpVersion } from "../../service/http/exchange.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Argument, bench, BUF, FINISHED, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const REQ = "fastly_http_req";
const { ok, error, inval, badf, buflen, none } = XqdStatus;

Deno.test("a new request is GET / over HTTP/1.1 without fields", async () => {
  using b = bench();
  const request = await b.got(REQ, "new");
  assertEquals(await b.read(REQ, "method_get", [request]), { status: ok, text: "GET", length: 3 });
  assertEquals(await b.read(REQ, "uri_get", [request]), { status: ok, text: "/", length: 1 });
  assertEquals(await b.got(REQ, "version_get", request), HttpVersion.http11);
  assertEquals(await b.page(REQ, "header_names_get", [request]), {
    status: ok,
    values: [],
    length: 0,
    next: FINISHED,
  });
});

Deno.test("the client's request comes with an absolute URI, and its handles stay the same", async () => {
  using b = bench({}, {
    method: "heLLo",
    url: "http://guest.test/a?b=c",
    version: HttpVersion.http10,
    headers: ["Host", "guest.test", "X-One", "1", "x-one", "2"],
    body: new TextEncoder().encode("content"),
  });
  assertEquals(b.now(REQ, "body_downstream_get", OUT, OUT + 4), ok);
  const [request, body] = [b.memory.u32(OUT), b.memory.u32(OUT + 4)];
  assertEquals(b.now(REQ, "body_downstream_get", OUT, OUT + 4), ok);
  assertEquals([b.memory.u32(OUT), b.memory.u32(OUT + 4)], [request, body]);
  assertEquals((await b.read(REQ, "method_get", [request])).text, "heLLo");
  assertEquals((await b.read(REQ, "uri_get", [request])).text, "http://guest.test/a?b=c");
  assertEquals(await b.got(REQ, "version_get", request), HttpVersion.http10);
  assertEquals((await b.page(REQ, "header_values_get", [request, "X-ONE"])).values, ["1", "2"]);
  assertEquals(await b.drain(body), "content");
});

Deno.test("a request under https carries fastly-ssl", async () => {
  using b = bench({}, { url: "https://guest.test/" });
  b.now(REQ, "body_downstream_get", OUT, OUT + 4);
  assertEquals(
    (await b.read(REQ, "header_value_get", [b.memory.u32(OUT), "fastly-ssl"])).text,
    "1",
  );
});

Deno.test("TLS fields of a client are replaced by the host's facts", async () => {
  const headers = ["Host", "guest.test", "FASTLY-SSL", "yes", "x", "1", "fastly-ssl", "no"];
  for (const [scheme, values] of [["https", ["1"]], ["http", []]] as [string, string[]][]) {
    using b = bench({}, { url: `${scheme}://guest.test/`, headers });
    const { request } = b.sandbox.requests.downstream;
    const { values: seen } = await b.page(REQ, "header_values_get", [request, "fastly-ssl"]);
    assertEquals(seen, values);
    assertEquals((await b.page(REQ, "header_values_get", [request, "x"])).values, ["1"]);
  }
});

Deno.test("a getter returns the value that was set", async () => {
  using b = bench();
  const request = await b.request("https://x.test/ä?q", "PURGE");
  assertEquals((await b.read(REQ, "method_get", [request])).text, "PURGE");
  const uri = await b.read(REQ, "uri_get", [request]);
  assertEquals(uri.text, "https://x.test/ä?q");
  for (const version of [0, 1, 2, 3, 4]) {
    assertEquals(b.now(REQ, "version_set", request, version), ok);
    assertEquals(await b.got(REQ, "version_get", request), version);
  }
});

const refusedSets: [name: string, args: Argument[], status: number][] = [
  ["method_set", [""], error],
  ["method_set", ["GE T"], error],
  ["method_set", ["GET\n"], error],
  ["uri_set", [""], error],
  ["uri_set", ["http://x.test/\0"], error],
  ["uri_set", ["http://x.test/a b"], error],
  ["uri_set", ["/a\x7f"], error],
  ["version_set", [5], inval],
  ["version_set", [-1], inval],
  ["framing_headers_mode_set", [2], inval],
  ["auto_decompress_response_set", [2], inval],
  ["auto_decompress_response_set", [3], inval],
  ["header_insert", ["bad name", "v"], error],
  ["header_insert", ["", "v"], error],
  ["header_insert", ["name", "a\r\nb"], error],
  ["header_append", ["name", "a\0"], error],
  ["header_values_set", ["name", "a\0b\nc\0"], error],
  ["header_remove", ["absent"], inval],
  ["cache_override_set", [16, 0, 0], inval],
  ["cache_override_v2_set", [32, 0, 0, ""], inval],
  ["cache_override_v2_set", [0, 0, 0, "a\nb"], inval],
];
for (const [name, args, status] of refusedSets) {
  Deno.test(`${name}(${args.map((arg) => JSON.stringify(arg))}) is refused with ${status} and changes nothing`, async () => {
    using b = bench();
    const request = await b.request("http://before.test/", "POST");
    assertEquals(b.now(REQ, "header_insert", request, "name", "before"), ok);
    assertEquals(b.now(REQ, name, request, ...args), status);
    assertEquals((await b.read(REQ, "method_get", [request])).text, "POST");
    assertEquals((await b.read(REQ, "uri_get", [request])).text, "http://before.test/");
    assertEquals(await b.got(REQ, "version_get", request), 2);
    assertEquals((await b.page(REQ, "header_values_get", [request, "name"])).values, ["before"]);
  });
}

for (const name of ["method_get", "uri_get"]) {
  Deno.test(`${name} tells the needed length when the buffer is too small`, async () => {
    using b = bench();
    const request = await b.request("0123456789".replace(/^/, "/"), "ELEVENBYTES");
    const short = await b.read(REQ, name, [request], 10);
    assertEquals(short, { status: buflen, text: "", length: 11 });
    assertEquals((await b.read(REQ, name, [request], 0)).length, 11);
    assertEquals((await b.read(REQ, name, [request], 11)).status, ok);
  });
}

Deno.test("header_value_get tells the needed length when the buffer is too small", async () => {
  using b = bench();
  const request = await b.request();
  assertEquals(b.now(REQ, "header_insert", request, "x", "12345"), ok);
  const get = (room: number) => b.read(REQ, "header_value_get", [request, "x"], room);
  assertEquals(await get(4), { status: buflen, text: "", length: 5 });
  assertEquals(await get(5), { status: ok, text: "12345", length: 5 });
});

Deno.test("header_insert replaces, header_append adds, names ignore case", async () => {
  using b = bench();
  const request = await b.request();
  const values = async () => (await b.page(REQ, "header_values_get", [request, "x-name"])).values;
  assertEquals(b.now(REQ, "header_append", request, "X-Name", "1"), ok);
  assertEquals(b.now(REQ, "header_append", request, "x-NAME", "2"), ok);
  assertEquals(await values(), ["1", "2"]);
  assertEquals((await b.read(REQ, "header_value_get", [request, "x-name"])).text, "1");
  assertEquals(b.now(REQ, "header_insert", request, "x-name", "3"), ok);
  assertEquals(await values(), ["3"]);
  assertEquals(b.now(REQ, "header_values_set", request, "X-name", "a\0\0c\0"), ok);
  assertEquals(await values(), ["a", "", "c"]);
  assertEquals(b.now(REQ, "header_remove", request, "X-NAME"), ok);
  assertEquals(await values(), []);
  assertEquals(b.now(REQ, "header_remove", request, "X-NAME"), inval);
});

Deno.test("header_values_set without a last NUL sets nothing, which removes the field", async () => {
  using b = bench();
  const request = await b.request();
  assertEquals(b.now(REQ, "header_values_set", request, "x", "a\0tail"), ok);
  assertEquals((await b.page(REQ, "header_values_get", [request, "x"])).values, ["a"]);
  assertEquals(b.now(REQ, "header_values_set", request, "x", "a"), ok);
  assertEquals((await b.read(REQ, "header_value_get", [request, "x"])).status, inval);
});

Deno.test("a missing field is Inval for one value, no values for many", async () => {
  using b = bench();
  const request = await b.request();
  assertEquals(await b.read(REQ, "header_value_get", [request, "x"]), {
    status: inval,
    text: "",
    length: UNTOUCHED,
  });
  assertEquals(await b.page(REQ, "header_values_get", [request, "x"]), {
    status: ok,
    values: [],
    length: 0,
    next: FINISHED,
  });
});

Deno.test("an empty value is not the same as none", async () => {
  using b = bench();
  const request = await b.request();
  assertEquals(b.now(REQ, "header_insert", request, "x", ""), ok);
  assertEquals(await b.read(REQ, "header_value_get", [request, "x"]), {
    status: ok,
    text: "",
    length: 0,
  });
  assertEquals((await b.page(REQ, "header_values_get", [request, "x"])).length, 1);
});

Deno.test("values of any bytes come back as they were", async () => {
  using b = bench();
  const request = await b.request();
  const value = Uint8Array.of(0x80, 0xff, 0xc3, 0x28, 9);
  assertEquals(b.now(REQ, "header_insert", request, "x", value), ok);
  assertEquals(b.now(REQ, "header_value_get", request, "x", BUF, 100, OUT), ok);
  assertEquals(b.memory.bytes(BUF, b.memory.u32(OUT)), value);
});

for (const name of ["header_value_get", "header_insert", "header_append", "header_remove"]) {
  Deno.test(`${name} refuses a name over 65535 bytes with Inval and leaves the length alone`, async () => {
    using b = bench();
    const request = await b.request();
    b.memory.setU32(OUT, UNTOUCHED);
    const long = "x".repeat(65_536);
    const rest = name === "header_value_get"
      ? [BUF, 100, OUT]
      : name === "header_remove"
      ? []
      : ["v"];
    assertEquals(b.now(REQ, name, request, long, ...rest), inval);
    assertEquals(b.memory.u32(OUT), UNTOUCHED);
  });
}

Deno.test("a header name of 65535 bytes is taken", async () => {
  using b = bench();
  assertEquals(b.now(REQ, "header_insert", await b.request(), "x".repeat(65_535), "v"), ok);
});

Deno.test("header names are distinct", async () => {
  using b = bench({}, { headers: ["B", "1", "a", "2", "b", "3"] });
  b.now(REQ, "body_downstream_get", OUT, OUT + 4);
  const { values } = await b.page(REQ, "header_names_get", [b.memory.u32(OUT)]);
  assertEquals(values, ["b", "a"]);
});

Deno.test("the client's fields do not change with the guest's copy", async () => {
  using b = bench({}, { headers: ["Host", "h", "X-A", "1", "x-a", "2"] });
  b.now(REQ, "body_downstream_get", OUT, OUT + 4);
  assertEquals(b.now(REQ, "header_insert", b.memory.u32(OUT), "x-own", "1"), ok);
  const { values } = await b.page(REQ, "original_header_names_get", []);
  assertEquals(values, ["Host", "X-A"]);
  assertEquals(await b.got(REQ, "original_header_count"), 3);
});

Deno.test("a closed request is no handle any more", async () => {
  using b = bench();
  const request = await b.request();
  assertEquals(b.now(REQ, "close", request), ok);
  assertEquals(b.now(REQ, "close", request), badf);
  assertEquals((await b.read(REQ, "method_get", [request])).status, badf);
});

Deno.test("a handle of another kind is refused with Badf", async () => {
  using b = bench();
  const response = await b.got("fastly_http_resp", "new");
  const body = await b.body();
  for (const handle of [response, body, 0, 12345, 0xffff_fffe, -1]) {
    assertEquals((await b.read(REQ, "method_get", [handle])).status, badf);
    assertEquals(b.now(REQ, "header_insert", handle, "a", "b"), badf);
    assertEquals(b.now(REQ, "close", handle), badf);
  }
});

Deno.test("cache overrides are kept as they were last set", async (t) => {
  using b = bench();
  const handle = await b.request();
  const override = () => b.sandbox.handles.get(GuestRequest, handle).cacheOverride;
  const record = (words: number[]) =>
    words.forEach((word, i) => b.memory.setU32(BUF + 4 * i, word));
  const keys = "one two";
  b.memory.setBytes(OUT + 64, new TextEncoder().encode(keys));

  await t.step("v1 knows four bits and two numbers", () => {
    assertEquals(b.now(REQ, "cache_override_set", handle, 2 | 4 | 8, 0, 30), ok);
    assertEquals(override(), { pass: false, pci: true, ttl: 0, staleWhileRevalidate: 30 });
    assertEquals(b.now(REQ, "cache_override_set", handle, 1, 5, 6), ok);
    assertEquals(override(), { pass: true, pci: false });
  });
  await t.step("v2 adds surrogate keys, and replaces the whole", () => {
    assertEquals(b.now(REQ, "cache_override_v2_set", handle, 2, 9, 0, keys), ok);
    assertEquals(override(), { pass: false, pci: false, ttl: 9, surrogateKeys: keys });
    assertEquals(b.now(REQ, "cache_override_v2_set", handle, 0, 9, 0, keys), ok);
    assertEquals(override(), { pass: false, pci: false, surrogateKeys: keys });
  });
  await t.step("tag 0 without keys is no override", () => {
    assertEquals(b.now(REQ, "cache_override_v2_set", handle, 0, 9, 9, ""), ok);
    assertEquals(override(), { pass: false, pci: false });
  });
  await t.step("v3 is a record with a lookup timeout", () => {
    record([1, 2, OUT + 64, keys.length, 0]);
    assertEquals(b.now(REQ, "cache_override_v3_set", handle, 2 | 4 | 16, BUF), ok);
    assertEquals(override(), {
      pass: false,
      pci: false,
      ttl: 1,
      staleWhileRevalidate: 2,
      surrogateKeys: keys,
      lookupTimeout: 0,
    });
  });
  await t.step("v3 follows no pointer to keys of length 0", () => {
    record([1, 2, -1, 0, 7]);
    assertEquals(b.now(REQ, "cache_override_v3_set", handle, 0, BUF), ok);
    assertEquals(override(), { pass: false, pci: false });
  });
  await t.step("v3 refuses other bits, bad keys and wild pointers", () => {
    assert(b.now(REQ, "cache_override_set", handle, 1, 0, 0) === ok);
    const before = override();
    record([0, 0, OUT + 64, 3, 0]);
    assertEquals(b.now(REQ, "cache_override_v3_set", handle, 32, BUF), inval);
    assertEquals(b.now(REQ, "cache_override_v3_set", handle, 0, 0xffff_fff0), inval);
    b.memory.setU8(OUT + 65, 10);
    assertEquals(b.now(REQ, "cache_override_v3_set", handle, 0, BUF), inval);
    record([0, 0, 0x1ffff, 2, 0]);
    assertEquals(b.now(REQ, "cache_override_v3_set", handle, 0, BUF), inval);
    assertEquals(override(), before);
  });
});

Deno.test("no Fastly key is valid", async () => {
  using b = bench({}, { headers: ["Fastly-Key", "secret"] });
  assertEquals(await b.got(REQ, "fastly_key_is_valid"), 0);
});

Deno.test("the client facts without a handle are the current request's", async () => {
  using b = bench({}, { client: { address: "203.0.113.9", serverAddress: "2001:db8::1" } });
  b.fill(BUF, 32);
  assertEquals(b.now(REQ, "downstream_client_ip_addr", BUF, OUT), ok);
  assertEquals(b.memory.u32(OUT), 4);
  assertEquals([...b.memory.bytes(BUF, 4)], [203, 0, 113, 9]);
  b.assertFilled(BUF + 4, 28);
  assertEquals(b.now(REQ, "downstream_server_ip_addr", BUF, OUT), ok);
  assertEquals(b.memory.u32(OUT), 16);
  assertEquals((await b.read(REQ, "downstream_client_request_id", [])).text, b.sandbox.id);
  assertEquals((await b.read(REQ, "downstream_tls_protocol", [])).status, none);
});
