import { HostError } from "../../../service/errors.ts";
import { checkUrl, splitUrl } from "../../../service/http/url.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

const splits: [
  url: string,
  scheme: string | undefined,
  authority: string | undefined,
  path: string,
  query: string,
][] = [
  ["http://a.test/b?c=d", "http", "a.test", "/b", "?c=d"],
  ["HTTPS://A.test:8443/B", "https", "A.test:8443", "/B", ""],
  ["http://a.test", "http", "a.test", "", ""],
  ["http://a.test?q", "http", "a.test", "", "?q"],
  ["http://[::1]:80/", "http", "[::1]:80", "/", ""],
  ["http://u:p@a.test/", "http", "u:p@a.test", "/", ""],
  ["/path//x/../y?", undefined, undefined, "/path//x/../y", "?"],
  ["/a?b?c#d", undefined, undefined, "/a", "?b?c"],
  ["//a.test/b", undefined, undefined, "//a.test/b", ""],
  ["/%7e%zz", undefined, undefined, "/%7e%zz", ""],
  ["*", undefined, undefined, "*", ""],
];
for (const [url, scheme, authority, path, query] of splits) {
  Deno.test(`${url} is taken apart without a change`, () => {
    assertEquals(splitUrl(url), { scheme, authority, path, query });
  });
}

Deno.test("absolute URIs, paths, * and host:port can be requested", () => {
  for (
    const url of ["http://a.test/", "HTTP://a", "/", "/a?b", "*", "a.test:443", "/\u00e4", "/%zz"]
  ) {
    assertEquals(checkUrl(url), url);
  }
});

for (
  const url of [
    "",
    " /",
    "/ ",
    "/a\0",
    "/\n",
    "/<",
    "/`",
    "/\x7f",
    "http://",
    "http:///x",
    "?q",
    "a.test/b",
  ]
) {
  Deno.test(`${JSON.stringify(url)} cannot be requested`, () => {
    assertEquals(assertThrows(() => checkUrl(url), HostError).kind, "failed");
  });
}
