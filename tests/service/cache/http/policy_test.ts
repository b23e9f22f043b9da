import fc from "npm:fast-check@4.10.2";
import { Cache } from "../../../../service/cache/cache.ts";
import { ageAfter, phaseAt } from "../../../../service/cache/lifetime.ts";
import { HeaderList } from "../../../../service/http/headers.ts";
import { backendFields, viewFor } from "../../../../service/cache/http/conditional.ts";
import { httpDate } from "../../../../service/cache/http/date.ts";
import { directivesOf, secondsOf } from "../../../../service/cache/http/directives.ts";
import {
  decodeHead,
  encodeHead,
  isPassMark,
  PASS_MARK,
  refreshed,
} from "../../../../service/cache/http/head.ts";
import { defaultSurrogateKey, httpKey, suggestedKey } from "../../../../service/cache/http/key.ts";
import {
  lifetimeOf,
  showsContent,
  type StorageAction,
  storageAction,
  varyRuleOf,
} from "../../../../service/cache/http/policy.ts";
import { assert, assertEquals, assertNotEquals } from "../../../assert.ts";
import { foundOf, NONE, outcomeOf, SECOND, written } from "../_cache.ts";

/** Sunday. */
const MADE = "Sun, 06 Nov 1994 08:49:37 GMT";
const NOW = Date.parse(MADE);
const NEVER = { staleWhileRevalidate: 0n, staleIfError: 0n };

function fields(text: string): HeaderList {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return new HeaderList(lines.flatMap((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1).trim()];
  }));
}

function actionOf(response: string, status = 200, request = ""): StorageAction {
  return storageAction(fields(request), { status, headers: fields(response) });
}

/** Seconds: max age, initial age, stale while revalidate, stale if error. */
function lived(response: string, now = NOW): number[] {
  const headers = fields(response);
  const { maxAge, initialAge, staleWhileRevalidate, staleIfError } = lifetimeOf(
    { status: 200, headers },
    "insert",
    now,
  );
  return [maxAge, initialAge, staleWhileRevalidate, staleIfError].map((ns) => Number(ns / SECOND));
}

Deno.test("these statuses are kept without a word from the origin, for an hour", () => {
  const kept = Array.from({ length: 400 }, (_, i) => i + 200)
    .filter((status) => actionOf("", status) === "insert");
  assertEquals(kept, [200, 203, 300, 301, 302, 404, 410]);
  assertEquals(lived("content-type: a/b"), [3600, 0, 0, 0]);
});

Deno.test("other statuses are kept when the origin says how long", () => {
  for (const status of [204, 307, 418, 500, 503]) {
    assertEquals(actionOf("", status), "do-not-store");
    assertEquals(actionOf("cache-control: public", status), "do-not-store");
    assertEquals(actionOf("cache-control: max-age=1", status), "insert");
    assertEquals(actionOf("cache-control: s-maxage=1", status), "insert");
    assertEquals(actionOf(`expires: ${MADE}`, status), "insert");
  }
  for (const status of [100, 206, 304]) {
    assertEquals(actionOf("cache-control: max-age=1", status), "do-not-store");
  }
});

Deno.test("what is one client's is recorded as uncacheable", () => {
  for (
    const response of [
      "cache-control: private",
      "Cache-Control: max-age=60, PRIVATE",
      "cache-control: no-store",
      "surrogate-control: no-store",
      "surrogate-control: private, max-age=60",
      "surrogate-control: max-age=60\ncache-control: private",
      "set-cookie: a=b\ncache-control: public, max-age=60",
      "vary: *",
      "vary: accept, *",
      "vary: accept-encoding origin",
    ]
  ) assertEquals(actionOf(response), "record-uncacheable", response);
  assertEquals(actionOf("surrogate-control: max-age=60\ncache-control: no-store"), "insert");
});

Deno.test("an answer to a request with credentials is kept only if the origin means everybody", () => {
  const secret = "authorization: Basic abc";
  assertEquals(actionOf("", 200, secret), "do-not-store");
  assertEquals(actionOf("cache-control: max-age=60", 200, secret), "do-not-store");
  for (
    const response of [
      "cache-control: public",
      "cache-control: s-maxage=60",
      "cache-control: must-revalidate, max-age=60",
      "surrogate-control: max-age=60",
    ]
  ) assertEquals(actionOf(response, 200, secret), "insert", response);
});

Deno.test("must-understand keeps what is understood, even with no-store", () => {
  const control = "cache-control: max-age=60, must-understand";
  assertEquals(actionOf(control), "insert");
  assertEquals(actionOf(`${control}, no-store`), "insert");
  assertEquals(actionOf(`${control}, no-store, private`), "record-uncacheable");
  assertEquals(actionOf(control, 599), "do-not-store");
  assertEquals(actionOf(`${control}, no-store`, 599), "do-not-store");
  assertEquals(actionOf(`${control}\nsurrogate-control: max-age=60`, 599), "insert");
});

Deno.test("fields show content unless the length is zero", () => {
  for (const text of ["", "content-length: 0", "content-length: 00\ncontent-length: 0", "te: x"]) {
    assertEquals(showsContent(fields(text)), false, text);
  }
  for (
    const text of [
      "content-length: 1",
      "content-length: 0\ncontent-length: 5",
      "content-length: x",
      "Transfer-Encoding: chunked",
    ]
  ) assertEquals(showsContent(fields(text)), true, text);
});

Deno.test("the word to surrogates wins, then s-maxage, then max-age, then Expires", () => {
  const expires = "expires: Sun, 06 Nov 1994 08:50:37 GMT";
  assertEquals(lived(expires), [60, 0, 0, 0]);
  const control = `cache-control: max-age=50\n${expires}`;
  assertEquals(lived(control), [50, 0, 0, 0]);
  assertEquals(lived(`cache-control: s-maxage=40\n${control}`), [40, 0, 0, 0]);
  assertEquals(lived(`surrogate-control: max-age=30\ncache-control: s-maxage=40`), [30, 0, 0, 0]);
  assertEquals(lived("surrogate-control: max-age=30\ncache-control: no-cache"), [30, 0, 0, 0]);
});

Deno.test("what has to be validated each time is stale at once, and never used so", () => {
  const stale = "stale-while-revalidate=60, stale-if-error=60";
  assertEquals(lived(`cache-control: no-cache, max-age=60, ${stale}`), [0, 0, 0, 0]);
  assertEquals(lived(`cache-control: max-age=9, must-revalidate, ${stale}`), [9, 0, 0, 0]);
  assertEquals(lived(`cache-control: max-age=9, proxy-revalidate, ${stale}`), [9, 0, 0, 0]);
  assertEquals(lived(`cache-control: max-age=9, ${stale}`), [9, 0, 60, 60]);
  assertEquals(lived(`cache-control: no-cache="set-cookie", max-age=9`), [9, 0, 0, 0]);
  assertEquals(
    lived(`surrogate-control: max-age=9, stale-if-error=5\ncache-control: ${stale}`),
    [9, 0, 60, 5],
  );
});

Deno.test("Expires counts from Date, and a date that cannot be read has passed", () => {
  const expires = "expires: Sun, 06 Nov 1994 08:50:37 GMT";
  assertEquals(lived(`${expires}\ndate: Sun, 06 Nov 1994 08:50:30 GMT`), [7, 0, 0, 0]);
  assertEquals(lived(`${expires}\ndate: yesterday`), [60, 0, 0, 0]);
  assertEquals(lived(expires, NOW + 3_600_000), [0, 0, 0, 0]);
  for (const value of ["0", "-1", "3600", "2099", "", "tomorrow"]) {
    assertEquals(lived(`expires: ${value}`, 0), [0, 0, 0, 0], value);
  }
  assertEquals(lived("expires: Fri, 31 Dec 9999 23:59:59 GMT"), [2 ** 31 - 1, 0, 0, 0]);
});

Deno.test("dates have the three forms of HTTP", () => {
  assertEquals(httpDate(MADE), NOW);
  assertEquals(httpDate("Sunday, 06-Nov-94 08:49:37 GMT"), NOW);
  assertEquals(httpDate("Sun Nov  6 08:49:37 1994"), NOW);
  for (const value of [undefined, "0", "1994", "6 Nov 1994", "Sun, 06 Nov 1994 08:49:37 +0100"]) {
    assertEquals(httpDate(value), undefined);
  }
});

Deno.test("a year of two digits is the latest that is at most 50 years ahead", () => {
  const now = Date.parse("2026-11-26T12:00:00Z");
  const yearOf = (year: string, at = now) =>
    new Date(httpDate(`Monday, 26-Nov-${year} 12:00:00 GMT`, at)!).getUTCFullYear();
  assertEquals(["26", "49", "50", "76", "77", "94", "00"].map((year) => yearOf(year)), [
    ...[2026, 2049, 2050, 2076, 1977, 1994, 2000],
  ]);
  assertEquals(yearOf("76", now - 1000), 1976, "one second more than 50 years");
  assertEquals(yearOf("01", Date.parse("2099-01-01T00:00:00Z")), 2101);
  const day = "Tuesday, 29-Feb-00 00:00:00 GMT";
  assertEquals(httpDate(day, Date.parse("2070-01-01T00:00:00Z")), Date.UTC(2000, 1, 29));
  assertEquals(lived("expires: Monday, 26-Nov-60 12:00:10 GMT", now), [
    Math.floor((Date.UTC(2060, 10, 26, 12, 0, 10) - now) / 1000),
    ...[0, 0, 0],
  ]);
});

Deno.test("a date that no calendar has is none", () => {
  for (
    const value of [
      "Sun, 31 Feb 2026 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Sun, 06 Foo 1994 08:49:37 GMT",
      "Sunday, 31-Feb-94 08:49:37 GMT",
      "Sun Feb 30 08:49:37 1994",
      "Sun, 06 Nov 1994 08:49:37",
    ]
  ) assertEquals(httpDate(value), undefined, value);
  assertEquals(httpDate("Sat, 31 Dec 2016 23:59:60 GMT"), Date.UTC(2017, 0, 1));
  assertEquals(new Date(httpDate("Sat, 01 Jan 0050 00:00:00 GMT")!).getUTCFullYear(), 50);
});

Deno.test("of a list of ages the first counts, and none that is no number", () => {
  const ages = { "7200,0": 7200, "0, 7200": 0, "7200\nage: 0": 7200, "0\nage: 7200": 0 };
  for (const [age, seconds] of Object.entries(ages)) {
    assertEquals(lived(`age: ${age}`)[1], seconds, age);
  }
  for (const age of ["", ",7200", "abc", "-7200", "7200.0", "7200;a=1", "+5", "0x10"]) {
    assertEquals(lived(`age: ${age}`)[1], 0, age);
  }
});

Deno.test("Age is what has gone of the time, however large", () => {
  assertEquals(lived("age: 10\ncache-control: max-age=60"), [60, 10, 0, 0]);
  assertEquals(lived("age: -1"), [3600, 0, 0, 0]);
  assertEquals(lived("age: 1.5"), [3600, 0, 0, 0]);
  assertEquals(lived(`age: ${"9".repeat(400)}`), [3600, 2 ** 31 - 1, 0, 0]);
  assertEquals(lived(`cache-control: max-age=${"9".repeat(400)}`), [2 ** 31 - 1, 0, 0, 0]);
});

Deno.test("directives may be quoted, spelled in any case, and on several lines", () => {
  const directives = directivesOf(
    fields('cache-control: Max-Age="10" , x="a, max-age=5"\ncache-control: public,max-age=20'),
    "cache-control",
  );
  assertEquals([...directives], [["max-age", "10"], ["x", "a, max-age=5"], ["public", ""]]);
  assertEquals(secondsOf(directives, "max-age"), 10);
  assertEquals(secondsOf(directives, "public"), 0);
  assertEquals(secondsOf(directives, "s-maxage"), undefined);
});

Deno.test("requests pass for two minutes, or as long as the origin says", () => {
  const passes = (response: string) =>
    lifetimeOf({ status: 200, headers: fields(response) }, "record-uncacheable", NOW);
  assertEquals(passes("cache-control: private"), {
    initialAge: 0n,
    maxAge: 120n * SECOND,
    ...NEVER,
  });
  assertEquals(passes("cache-control: private, max-age=600").maxAge, 600n * SECOND);
  assertEquals(passes("cache-control: private, max-age=6").maxAge, 120n * SECOND);
});

const seconds = fc.integer({ min: 0, max: 10_000 });
const maybe = fc.option(seconds, { nil: undefined });

Deno.test("a response is fresh as long as it says, less the age that it came with", () => {
  fc.assert(
    fc.property(
      fc.record({ maxAge: maybe, sMaxAge: maybe, surrogate: maybe, age: maybe, swr: maybe }),
      seconds,
      ({ maxAge, sMaxAge, surrogate, age, swr }, elapsed) => {
        const said = (name: string, value: number | undefined) =>
          value === undefined ? "" : `${name}=${value},`;
        const headers = fields(
          `cache-control: public, ${said("max-age", maxAge)}${said("s-maxage", sMaxAge)}` +
            said("stale-while-revalidate", swr) +
            (surrogate === undefined ? "" : `\nsurrogate-control: max-age=${surrogate}`) +
            (age === undefined ? "" : `\nage: ${age}`),
        );
        const lifetime = lifetimeOf({ status: 200, headers }, "insert", NOW);
        const now = (age ?? 0) + elapsed;
        const lasts = surrogate ?? sMaxAge ?? maxAge ?? 3600;
        const phase = phaseAt(lifetime, ageAfter(lifetime, elapsed * 1000));
        assertEquals(
          phase,
          now < lasts ? "fresh" : now < lasts + (swr ?? 0) ? "stale" : "expired",
        );
      },
    ),
  );
});

Deno.test("whatever the fields hold, the lifetime is one", () => {
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom("no-cache", "max-age=1e9", "max-age=-1", "s-maxage", "age", "max-age==5"),
    fc.stringMatching(/^(max-age|s-maxage|stale-if-error)=\d{1,400}(, \w+="?)?$/),
  );
  const names = fc.constantFrom("cache-control", "surrogate-control", "expires", "age", "date");
  const list = fc.array(fc.tuple(names, value)).map((list) => new HeaderList(list.flat()));
  const bound = 2n ** 31n * SECOND;
  fc.assert(fc.property(list, (headers) => {
    const lifetime = lifetimeOf({ status: 200, headers }, "insert", NOW);
    for (const ns of Object.values(lifetime)) assert(ns >= 0n && ns < bound, `${ns}`);
  }));
});

Deno.test("two requests share an object if they agree in all fields that it varies by", () => {
  const names = ["accept", "cookie", "x-a"];
  const request = fc.record(Object.fromEntries(
    names.map((name) => [name, fc.option(fc.constantFrom("1", "2"), { nil: undefined })]),
  ));
  const list = (values: Record<string, string | undefined>) =>
    new HeaderList(
      Object.entries(values).flatMap(([name, value]) => value === undefined ? [] : [name, value]),
    );
  fc.assert(
    fc.property(
      fc.subarray(names),
      request,
      request,
      seconds,
      fc.boolean(),
      (vary, one, other, elapsed, capitals) => {
        let now = NOW;
        const cache = new Cache(1 << 20, () => now);
        const spelled = vary.map((name) => capitals ? name.toUpperCase() : name).join(" , ");
        const rule = varyRuleOf(fields(vary.length ? `vary: ${spelled}` : ""))!;
        const { obligation } = outcomeOf(cache.transaction("k", list(one)));
        obligation!.insert({ ...written({ maxAge: 5000 }), varyRule: rule }).content.finish();
        now += elapsed * 1000;
        const found = foundOf(cache.lookup("k", list(other)));
        const agrees = vary.every((name) => one[name] === other[name]);
        assertEquals(found !== undefined, agrees && elapsed < 5000);
      },
    ),
  );
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
  assertEquals(httpKey(new Uint8Array([0, 255]), undefined, "b"), "http:\0b\0\0\xff");
  assertEquals(httpKey(new Uint8Array([65]), "s", undefined), "http:s\0\0A");
});

Deno.test("a head is kept without what is about its connection", () => {
  const headers = fields(
    "A: 1\nConnection: close, X-Hop\nx-hop: 1\nTransfer-Encoding: chunked\nContent-Length: 3\n" +
      "b: \xe4\nset: 1\nB: 2",
  );
  const head = decodeHead(encodeHead({ status: 404, version: 3, headers }));
  assertEquals([head.status, head.version], [404, 3]);
  assertEquals(head.headers.raw, ["A", "1", "b", "\xe4", "set", "1", "B", "2"]);
  assertEquals([isPassMark(PASS_MARK), isPassMark(encodeHead(head))], [true, false]);
});

Deno.test("what a 304 says takes the place of what was kept, and its silence about age too", () => {
  const stored = {
    status: 200,
    version: 2,
    headers: fields('etag: "1"\nage: 100\ncontent-encoding: gzip\nx: old'),
  } as const;
  const merged = refreshed(
    stored,
    fields("x: new\nx: newer\ncontent-encoding: br\ncontent-length: 0\ncache-control: max-age=5"),
  );
  assertEquals(merged.headers.raw, [
    ...["etag", '"1"', "content-encoding", "gzip", "x", "new", "x", "newer"],
    ...["cache-control", "max-age=5"],
  ]);
  assertEquals(refreshed(stored, fields("age: 3")).headers.get("age"), "3");
});

Deno.test("a backend is asked for the whole, and about what is stored", () => {
  const request = fields("range: bytes=0-1\nif-none-match: *\nif-range: x\naccept: a/b");
  assertEquals(backendFields(request, undefined).raw, ["accept", "a/b"]);
  const stored = {
    status: 200,
    version: 2,
    headers: fields(`etag: W/"1"\nlast-modified: ${MADE}`),
  } as const;
  assertEquals(
    backendFields(request, stored).raw,
    ["accept", "a/b", "if-none-match", 'W/"1"', "if-modified-since", MADE],
  );
});

/** Status, the field Content-Range or Content-Length, and the part. */
function viewed(request: string, response = "", { method = "GET", status = 200 } = {}) {
  const stored = { status, version: 2, headers: fields(response) } as const;
  const view = viewFor(method, fields(request), stored, 10);
  const { headers, range, empty } = view;
  const told = headers.get("content-range") ?? headers.get("content-length");
  return [view.status, told, range ? [range.from, range.to] : empty ? "empty" : "whole"];
}

Deno.test("a client gets the part that it asks for", () => {
  assertEquals(viewed(""), [200, "10", "whole"]);
  assertEquals(viewed("range: bytes=2-4"), [206, "bytes 2-4/10", [2, 4]]);
  assertEquals(viewed("range: bytes=2-"), [206, "bytes 2-9/10", [2, 9]]);
  assertEquals(viewed("range: bytes=-3"), [206, "bytes 7-9/10", [7, 9]]);
  assertEquals(viewed("range: bytes=-30"), [206, "bytes 0-9/10", [0, 9]]);
  assertEquals(viewed("range: bytes=5-99"), [206, "bytes 5-9/10", [5, 9]]);
  for (const range of ["bytes=10-", "bytes=-0"]) {
    assertEquals(viewed(`range: ${range}`), [416, "bytes */10", "empty"], range);
  }
  for (const range of ["bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes"]) {
    assertEquals(viewed(`range: ${range}`), [200, "10", "whole"], range);
  }
  assertEquals(viewed("range: bytes=2-4", "", { method: "HEAD" }), [200, "10", "empty"]);
  assertEquals(viewed("range: bytes=2-4", "", { status: 404 }), [404, "10", "whole"]);
  assertEquals(viewed("", "", { status: 204 }), [204, undefined, "whole"]);
});

Deno.test("a part is given only of the object that the client has the rest of", () => {
  const part = [206, "bytes 2-4/10", [2, 4]];
  const whole = [200, "10", "whole"];
  const held = `etag: "1"\nlast-modified: ${MADE}`;
  const ask = (condition: string, response = held) =>
    viewed(`range: bytes=2-4\nif-range: ${condition}`, response);
  assertEquals(ask('"1"'), part);
  assertEquals(ask('"2"'), whole);
  assertEquals(ask('W/"1"', 'etag: W/"1"'), whole);
  assertEquals(ask(MADE), part);
  assertEquals(ask("Sun Nov  6 08:49:37 1994"), part);
  assertEquals(ask("Sun, 06 Nov 1994 08:49:38 GMT"), whole);
  assertEquals(ask("1994", "last-modified: 1994"), whole);
});

Deno.test("a client that has the object already is told so", () => {
  const held = `etag: W/"1"\nlast-modified: ${MADE}`;
  const later = "Sun, 06 Nov 1994 09:00:00 GMT";
  for (const tags of ['"1"', 'W/"1"', '"0", "1"', "*"]) {
    assertEquals(viewed(`if-none-match: ${tags}`, held), [304, undefined, "empty"], tags);
  }
  assertEquals(viewed('if-none-match: "2"', held), [200, "10", "whole"]);
  assertEquals(viewed(`if-none-match: "2"\nif-modified-since: ${later}`, held)[0], 200);
  assertEquals(viewed(`if-modified-since: ${later}`, held)[0], 304);
  assertEquals(viewed(`if-modified-since: ${MADE}`, held)[0], 304);
  assertEquals(viewed("if-modified-since: Sun, 06 Nov 1994 08:00:00 GMT", held)[0], 200);
  assertEquals(viewed("if-modified-since: 2099", held)[0], 200);
  assertEquals(viewed(`if-modified-since: ${later}`)[0], 200);
  assertEquals(viewed(`if-modified-since: ${later}`, held, { status: 404 })[0], 404);
});
