import { HttpVersion } from "../../../../service/http/exchange.ts";
import { HeaderList } from "../../../../service/http/headers.ts";
import {
  decodeHead,
  encodeHead,
  isPassMark,
  PASS_MARK,
  refreshed,
  type StoredHead,
} from "../../../../service/cache/http/head.ts";
import { assert, assertEquals } from "../../../assert.ts";
import * as fc from "../../../properties.ts";
import { fields } from "./_policy.ts";

function headOf(fields: string[], status = 200): StoredHead {
  return { status, version: HttpVersion.http11, headers: new HeaderList(fields) };
}

Deno.test("a head comes back as it was stored: order, case, repeats and bytes", () => {
  const byteString = fc.string({
    unit: fc.integer({ min: 32, max: 255 }).map(String.fromCharCode),
  });
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.stringMatching(/^X-[A-Za-z]{1,8}$/), byteString)),
    fc.integer({ min: 200, max: 999 }),
    (fields, status) => {
      const stored = decodeHead(encodeHead(headOf(fields.flat(), status)));
      assertEquals([...stored.headers], fields);
      assertEquals([stored.status, stored.version], [status, HttpVersion.http11]);
    },
  ));
});

Deno.test("fields of one connection, and the length, are not stored", () => {
  const fields = [
    ["Connection", "X-Own, close"],
    ["x-own", "1"],
    ["Keep-Alive", "timeout=5"],
    ["Transfer-Encoding", "chunked"],
    ["Content-Length", "5"],
    ["Trailer", "x"],
    ["X-Kept", "1"],
  ];
  const { headers } = decodeHead(encodeHead(headOf(fields.flat())));
  assertEquals([...headers], [["X-Kept", "1"]]);
});

Deno.test("no head is a mark that requests pass", () => {
  assert(isPassMark(PASS_MARK));
  assert(!isPassMark(encodeHead(headOf([]))));
  assert(!isPassMark(new Uint8Array()));
});

Deno.test("of a 304, another tag and the digests of other content are left out", () => {
  const stored = ["ETag", '"1-gzip"', "Content-MD5", "a", "Repr-Digest", "a", "Digest-Other", "a"];
  const answer = ["ETag", '"1"', "Content-MD5", "b", "Repr-Digest", "b", "Digest-Other", "b"];
  const { headers } = refreshed(headOf(stored), new HeaderList(answer));
  const names = ["etag", "content-md5", "repr-digest", "digest-other"];
  assertEquals(names.map((name) => headers.get(name)), ['"1-gzip"', "a", "a", "b"]);
  const named = refreshed(headOf(["X", "1"]), new HeaderList(["ETag", '"1"']));
  assertEquals(named.headers.get("etag"), '"1"', "a tag where there was none is new");
});

Deno.test("a 304 replaces fields, but not those of the content, and the age begins anew", () => {
  const stored = headOf([
    "ETag",
    '"1"',
    "Age",
    "100",
    "Date",
    "Sun, 22 Nov 2026 10:00:00 GMT",
    "Content-Encoding",
    "gzip",
    "X-A",
    "1",
    "X-A",
    "2",
    "X-B",
    "old",
  ]);
  const answer = new HeaderList([
    "etag",
    'W/"1"',
    "x-a",
    "3",
    "Content-Length",
    "0",
    "Content-Encoding",
    "identity",
    "Connection",
    "close",
    "x-new",
    "n",
  ]);
  const { headers, status } = refreshed(stored, answer);
  assertEquals(status, 200);
  assertEquals([...headers], [
    ["etag", 'W/"1"'],
    ["Content-Encoding", "gzip"],
    ["x-a", "3"],
    ["X-B", "old"],
    ["x-new", "n"],
  ]);
  assertEquals(stored.headers.get("age"), "100", "what is stored stays as it is");
});

Deno.test("a head is stored without the fields of its connection", () => {
  const headers = fields(
    "A: 1\nConnection: close, X-Hop\nx-hop: 1\nTransfer-Encoding: chunked\nContent-Length: 3\n" +
      "b: \xe4\nset: 1\nB: 2",
  );
  const head = decodeHead(encodeHead({ status: 404, version: 3, headers }));
  assertEquals([head.status, head.version], [404, 3]);
  assertEquals(head.headers.raw, ["A", "1", "b", "\xe4", "set", "1", "B", "2"]);
  assertEquals([isPassMark(PASS_MARK), isPassMark(encodeHead(head))], [true, false]);
});

Deno.test("fields of a 304 replace stored ones, and Age is removed if it has none", () => {
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
