import { assert, assertEquals } from "../assert.ts";
import * as fc from "../properties.ts";
import { bench, BUF, FINISHED, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const REQ = "fastly_http_req";
const { ok, badf, buflen, inval } = XqdStatus;

async function withValues(values: readonly string[]) {
  const b = bench();
  const request = await b.request();
  assertEquals(
    b.now(REQ, "header_values_set", request, "x", values.map((v) => `${v}\0`).join("")),
    ok,
  );
  const page = (room: number, cursor: number) =>
    b.page(REQ, "header_values_get", [request, "x"], { room, cursor });
  return { b, request, page };
}

Deno.test("a page holds the values that fit whole, and tells where to go on", async () => {
  const { b, page } = await withValues(["one", "two", "three"]);
  using _ = b;
  assertEquals(await page(8, 0), { status: ok, values: ["one", "two"], length: 8, next: 2n });
  assertEquals(await page(9, 0), { status: ok, values: ["one", "two"], length: 8, next: 2n });
  assertEquals(await page(7, 0), { status: ok, values: ["one"], length: 4, next: 1n });
  assertEquals(await page(8, 2), { status: ok, values: ["three"], length: 6, next: FINISHED });
});

Deno.test("a page that fits exactly is the last", async () => {
  const { b, page } = await withValues(["one", "two", "three"]);
  using _ = b;
  assertEquals(await page(14, 0), {
    status: ok,
    values: ["one", "two", "three"],
    length: 14,
    next: FINISHED,
  });
});

Deno.test("a first value that does not fit is Buflen with the room it needs, and cursor -1", async () => {
  const { b, page } = await withValues(["one", "two", "three"]);
  using _ = b;
  assertEquals(await page(3, 0), { status: buflen, values: [], length: 4, next: FINISHED });
  assertEquals(await page(0, 0), { status: buflen, values: [], length: 4, next: FINISHED });
  assertEquals(await page(5, 2), { status: buflen, values: [], length: 6, next: FINISHED });
});

Deno.test("a cursor past the end finds nothing", async () => {
  const { b, page } = await withValues(["one"]);
  using _ = b;
  for (const cursor of [1, 2, 0xffff_ffff]) {
    assertEquals(await page(100, cursor), { status: ok, values: [], length: 0, next: FINISHED });
  }
});

Deno.test("no pointer for the ending cursor is no fault", async () => {
  const { b, request } = await withValues(["one", "two"]);
  using _ = b;
  b.memory.setU64(0, 42n);
  assertEquals(b.now(REQ, "header_values_get", request, "x", BUF, 100, 0, 0, OUT), ok);
  assertEquals(b.memory.u32(OUT), 8);
  assertEquals(b.now(REQ, "header_values_get", request, "x", BUF, 1, 0, 0, OUT), buflen);
  assertEquals(b.memory.u64(0), 42n);
});

Deno.test("the ending cursor is -1 on other failures too, and the length untouched", async () => {
  const { b } = await withValues(["one"]);
  using _ = b;
  const { status, length, next } = await b.page(REQ, "header_values_get", [777, "x"]);
  assertEquals([status, length, next], [badf, UNTOUCHED, FINISHED]);
});

Deno.test("a buffer outside memory is Inval", async () => {
  const { b, request } = await withValues(["one"]);
  using _ = b;
  const at = (buf: number, ending: number, nwritten: number) =>
    b.now(REQ, "header_values_get", request, "x", buf, 100, 0, ending, nwritten);
  assertEquals(at(0xffff_ffff, OUT, OUT + 8), inval);
  assertEquals(at(BUF, 0xffff_ffff, OUT), inval);
  assertEquals(at(BUF, OUT, 0x1fffd), inval);
});

const value = fc.string({ unit: fc.constantFrom("a", "b", " ", "\t", "~", "1"), maxLength: 12 });

Deno.test("page by page, with any buffers, the values are those that were set", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(value, { maxLength: 12 }),
      fc.array(fc.nat(40), { minLength: 1, maxLength: 20 }),
      async (values, rooms) => {
        const { b, page } = await withValues(values);
        using _ = b;
        const read: string[] = [];
        let cursor = 0n;
        for (let i = 0; cursor !== FINISHED; i++) {
          let room = rooms[i % rooms.length]!;
          let answer = await page(room, Number(cursor));
          if (answer.status === buflen) {
            assert(answer.length > room, "more room is asked for than there was");
            room = answer.length;
            answer = await page(room, Number(cursor));
          }
          assertEquals(answer.status, ok);
          assert(answer.length <= room);
          read.push(...answer.values);
          cursor = answer.next;
          if (cursor !== FINISHED) assertEquals(Number(cursor), read.length);
        }
        assertEquals(read, values);
      },
    ),
  );
});

const name = fc.constantFrom("a", "A", "b", "B", "c-d", "C-D");
const change = fc.oneof(
  fc.record({ kind: fc.constant("insert" as const), name, value }),
  fc.record({ kind: fc.constant("append" as const), name, value }),
  fc.record({ kind: fc.constant("remove" as const), name }),
  fc.record({ kind: fc.constant("set" as const), name, values: fc.array(value, { maxLength: 3 }) }),
);

Deno.test("after any changes the fields are those of a simple model", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 30 }), async (changes) => {
      using b = bench();
      const request = await b.request();
      const model = new Map<string, string[]>();
      for (const change of changes) {
        const key = change.name.toLowerCase();
        const old = model.get(key);
        let expected: number = ok;
        let status: number;
        if (change.kind === "insert") {
          model.set(key, [change.value]);
          status = b.now(REQ, "header_insert", request, change.name, change.value);
        } else if (change.kind === "append") {
          model.set(key, [...old ?? [], change.value]);
          status = b.now(REQ, "header_append", request, change.name, change.value);
        } else if (change.kind === "remove") {
          expected = old ? ok : inval;
          model.delete(key);
          status = b.now(REQ, "header_remove", request, change.name);
        } else {
          if (change.values.length) model.set(key, change.values);
          else model.delete(key);
          const list = change.values.map((value) => `${value}\0`).join("");
          status = b.now(REQ, "header_values_set", request, change.name, list);
        }
        assertEquals(status, expected);
      }
      const names = (await b.page(REQ, "header_names_get", [request])).values;
      assertEquals(names.toSorted(), [...model.keys()].toSorted());
      for (const [key, values] of model) {
        assertEquals((await b.page(REQ, "header_values_get", [request, key])).values, values);
        assertEquals((await b.read(REQ, "header_value_get", [request, key])).text, values[0]);
      }
    }),
  );
});
