import { HeaderList } from "../../../../service/http/headers.ts";
import {
  chosenKey,
  defaultSurrogateKey,
  requestKey,
  suggestedKey,
} from "../../../../service/cache/http/key.ts";
import { checkSurrogateKey } from "../../../../service/cache/surrogate_keys.ts";
import { assert, assertEquals, assertNotEquals } from "../../../assert.ts";
import { fields } from "./_policy.ts";
import { NONE } from "../_cache.ts";

function target(url: string, host?: string) {
  return { url, headers: new HeaderList(host === undefined ? [] : ["Host", host]) };
}

Deno.test("requests for the same thing have the same key, however they spell it", () => {
  const key = suggestedKey(target("http://a.test/x?y=1"));
  assertEquals(key.length, 32);
  const same = [
    target("http://A.test/x?y=1"),
    target("HTTP://a.test/x?y=1"),
    target("http://a.test/x?y=1#part"),
    target("http://b.test/x?y=1", "a.test"),
    target("http://b.test/x?y=1", "A.TEST"),
    target("/x?y=1", "a.test"),
  ];
  for (const other of same) assertEquals(suggestedKey(other), key, other.url);
  assertEquals(suggestedKey(target("http://a.test")), suggestedKey(target("http://a.test/")));
});

Deno.test("requests for different things have different keys", () => {
  const urls = ["http://a.test/x", "https://a.test/x", "http://a.test/X", "http://a.test/x?"];
  const targets = [...urls.map((url) => target(url)), target(urls[0]!, "b.test"), target("/x")];
  const keys = new Set(targets.map((each) => suggestedKey(each).join()));
  assertEquals(keys.size, targets.length);
});

Deno.test("a host with signs of replacement patterns is taken as it is", () => {
  const [one, other] = ["$1.test", "$&.test"].map((host) => target("http://a.test/", host));
  assertNotEquals(suggestedKey(one!), suggestedKey(other!));
});

Deno.test("the surrogate key of a URL can be one, and is not its cache key", () => {
  const key = defaultSurrogateKey(target("http://a.test/x"));
  assertEquals(checkSurrogateKey(key), key);
  assertEquals(key, defaultSurrogateKey(target("http://A.test/x")));
  assertNotEquals(key, new Uint8Array(suggestedKey(target("http://a.test/x"))).toHex());
});

Deno.test("owners and backends keep the keys apart, and none is one of the core cache", () => {
  const url = target("http://a.test/");
  const key = suggestedKey(url);
  const keys = [
    chosenKey(key, undefined),
    chosenKey(key, "one"),
    chosenKey(new Uint8Array([0, 255]), undefined),
    requestKey(url, undefined, undefined),
    requestKey(url, "one", undefined),
    requestKey(url, undefined, "one"),
    requestKey(url, "one", "one"),
    requestKey(target("http://b.test/"), "one", "one"),
  ];
  assertEquals(new Set(keys).size, keys.length);
  assert(keys.every((key) => !/^\d/.test(key)));
});

Deno.test("the key is of the URL and the host that the request names", () => {
  const key = (url: string, headers = "") => suggestedKey({ url, headers: fields(headers) });
  assertEquals(key("http://a.test/").length, 32);
  assertEquals(key("http://a.test/?q"), key("http://A.TEST/?q"));
  assertEquals(key("http://a.test/"), key("http://b.test/", "host: a.test"));
  assertEquals(key("http://a.test/"), key("/", "host: a.test"));
  assertEquals(key("http://a.test?q"), key("http://a.test/?q#fragment"));
  assertNotEquals(key("/", "host: a.test"), key("/", "host: b.test"));
  assertNotEquals(key("http://a.test/"), key("http://a.test/x"));
  assertNotEquals(key("http://a.test/"), key("https://a.test/"));
  const target = { url: "http://a.test/", headers: NONE };
  assertEquals(/^[0-9a-f]{64}$/.test(defaultSurrogateKey(target)), true);
  assertEquals(requestKey(target, "s", "b"), `http:s\0b\0${suggestedKey(target).toHex()}`);
  assertEquals(chosenKey(new Uint8Array([0, 255]), undefined), "http:\0\0\0\xff");
  assertEquals(chosenKey(new Uint8Array([65]), "s"), "http:s\0\0A");
});
