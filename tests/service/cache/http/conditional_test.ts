import { HttpVersion } from "../../../../service/http/exchange.ts";
import { HeaderList } from "../../../../service/http/headers.ts";
import { backendFields, validates, viewFor } from "../../../../service/cache/http/conditional.ts";
import type { StoredHead } from "../../../../service/cache/http/head.ts";
import { assert, assertEquals } from "../../../assert.ts";
import { processorTime } from "../../../durations.ts";
import * as fc from "../../../properties.ts";
import { fields, MADE } from "./_policy.ts";

const SINCE = "Sun, 22 Nov 2026 10:00:00 GMT";
const EARLIER = "Sun, 22 Nov 2026 09:59:59 GMT";

function headOf(fields: string[], status = 200): StoredHead {
  return { status, version: HttpVersion.http11, headers: new HeaderList(fields) };
}

const TAGGED = headOf(["ETag", '"1"', "Last-Modified", SINCE]);

/** The status and the part of the content that is answered. */
function told(
  fields: string[],
  { head = TAGGED, method = "GET", length = 10 as number | null } = {},
) {
  const view = viewFor(method, new HeaderList(fields), head, length ?? undefined);
  if (view.empty) return `${view.status} empty`;
  const { range } = view;
  return range ? `${view.status} ${range.from}-${range.to}` : `${view.status} whole`;
}

Deno.test("a backend is asked for the whole content, with conditions for the stored object", () => {
  const request = [
    ["Range", "bytes=0-1"],
    ["If-Range", '"x"'],
    ["If-Match", '"x"'],
    ["If-None-Match", '"x"'],
    ["If-Modified-Since", EARLIER],
    ["If-Unmodified-Since", EARLIER],
    ["Accept", "a"],
  ].flat();
  const ask = (stored?: StoredHead) => [...backendFields(new HeaderList(request), stored)];
  assertEquals(ask(), [["Accept", "a"]]);
  assertEquals(ask(headOf([])), [["Accept", "a"]]);
  assertEquals(ask(TAGGED), [
    ["Accept", "a"],
    ["if-none-match", '"1"'],
    ["if-modified-since", SINCE],
  ]);
});

Deno.test("a 304 is for the stored object unless its tag differs", () => {
  const right = (stored: string[], answer: string[]) =>
    validates(headOf(stored), new HeaderList(answer));
  assertEquals(right(["ETag", '"1"'], ["ETag", 'W/"1"']), true);
  assertEquals(right(["ETag", '"1"'], []), true);
  assertEquals(right(["ETag", '"1"'], ["ETag", '"2"']), false);
  const answer = new HeaderList(["ETag", '"2"']);
  assertEquals(
    validates(headOf(["ETag", '"1"']), answer, '"1"'),
    true,
    "nothing else was asked",
  );
  assertEquals(validates(headOf(["ETag", '"1"']), answer, '"1", "2"'), false);
  assertEquals(right(["Last-Modified", SINCE], ["ETag", '"2"']), true);
  assertEquals(right([], []), false, "nothing was asked about it");
});

Deno.test("a client that has the object gets a 304; the tag takes precedence over the date", () => {
  for (const tag of ['"1"', 'W/"1"', '"0", "1"', "*", ' "0" , W/"1"']) {
    assertEquals(told(["If-None-Match", tag]), "304 empty", tag);
  }
  assertEquals(told(["If-None-Match", '"0"', "If-None-Match", '"1"']), "304 empty");
  assertEquals(told(["If-None-Match", '"2"']), "200 whole");
  assertEquals(told(["If-None-Match", '"2"', "If-Modified-Since", SINCE]), "200 whole");
  assertEquals(told(["If-Modified-Since", SINCE]), "304 empty");
  assertEquals(told(["If-Modified-Since", EARLIER]), "200 whole");
  assertEquals(told(["If-Modified-Since", "never"]), "200 whole");
  assertEquals(told(["If-None-Match", '"1"', "Range", "bytes=0-1"]), "304 empty");
});

Deno.test("only a successful response is answered in part or by 304", () => {
  const head = headOf(["ETag", '"1"'], 404);
  assertEquals(told(["If-None-Match", '"1"'], { head }), "404 whole");
  assertEquals(told(["Range", "bytes=0-1"], { head }), "404 whole");
  assertEquals(told([], { head, method: "HEAD" }), "404 empty");
});

Deno.test("a range of a GET is answered if the length is known and the condition holds", () => {
  const parts: [value: string, answer: string][] = [
    ["bytes=0-", "206 0-9"],
    ["bytes=2-4", "206 2-4"],
    ["bytes=2-99", "206 2-9"],
    ["BYTES = -3", "206 7-9"],
    ["bytes=-99", "206 0-9"],
    ["bytes=10-", "416 empty"],
    ["bytes=-0", "416 empty"],
    ["bytes=4-2", "200 whole"],
    ["bytes=0-1,3-4", "200 whole"],
    ["bytes=-", "200 whole"],
    ["lines=0-1", "200 whole"],
  ];
  for (const [value, answer] of parts) assertEquals(told(["Range", value]), answer, value);
  assertEquals(told(["Range", "bytes=0-1"], { length: null }), "200 whole");
  assertEquals(told(["Range", "bytes=0-1"], { method: "HEAD" }), "200 empty");
  const under = (condition: string) => told(["Range", "bytes=0-1", "If-Range", condition]);
  assertEquals(under('"1"'), "206 0-1");
  assertEquals(under('W/"1"'), "200 whole", "only a strong tag will do");
  assertEquals(under('"2"'), "200 whole");
  assertEquals(under(SINCE), "206 0-1");
  assertEquals(under(EARLIER), "200 whole");
});

Deno.test("Content-Length and Content-Range are those of the part", () => {
  const fields = (range?: string, length?: number) => {
    const request = new HeaderList(range === undefined ? [] : ["Range", range]);
    return Object.fromEntries(viewFor("GET", request, headOf(["x", "y"]), length).headers);
  };
  assertEquals(fields(), { x: "y" });
  assertEquals(fields(undefined, 10), { x: "y", "content-length": "10" });
  assertEquals(fields("bytes=2-4", 10), {
    x: "y",
    "content-length": "3",
    "content-range": "bytes 2-4/10",
  });
  assertEquals(fields("bytes=10-", 10), { "content-range": "bytes */10" });
});

Deno.test("no range reaches out of the content", () => {
  fc.assert(fc.property(
    fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,20}-\d{0,20}$/)),
    fc.nat(20),
    (value, length) => {
      const view = viewFor("GET", new HeaderList(["range", value]), TAGGED, length);
      const { from, to } = view.range ?? { from: 0, to: 0 };
      if (!view.range) return view.status === 200 || view.status === 416;
      return view.status === 206 && 0 <= from && from <= to && to < length;
    },
  ));
});

Deno.test("a range with many blanks is read at once", async () => {
  const blanks = " ".repeat(100_000);
  const millis = await processorTime(() => {
    assertEquals(told(["Range", `bytes=-${blanks}x`]), "200 whole");
    assertEquals(told(["Range", `bytes${blanks}=${blanks}0${blanks}-${blanks}x`]), "200 whole");
  });
  assert(millis < 5000, `it took ${millis} ms`);
});

Deno.test("a backend is asked for the whole content, with conditions for the stored object", () => {
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

Deno.test("a client that has the object already gets a 304", () => {
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
