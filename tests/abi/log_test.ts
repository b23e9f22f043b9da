import type { LogEntry } from "../../service/log.ts";
import { assertEquals } from "../assert.ts";
import { type Bench, bench, OUT, XqdStatus } from "./_bench.ts";

const LOG = "fastly_log";
const WASI = "wasi_snapshot_preview1";
const { ok, inval, badf, limitexceeded } = XqdStatus;

const told = (b: Bench) =>
  b.logs.map((entry: LogEntry) =>
    "message" in entry
      ? [entry.kind === "endpoint" ? entry.endpoint : entry.kind, entry.message]
      : []
  );

for (const name of ["stdout", "STDOUT", "StdErr", "fst_managed_x", "FST_MANAGED_\n"]) {
  Deno.test(`the endpoint name ${JSON.stringify(name)} is reserved`, () => {
    using b = bench();
    assertEquals(b.now(LOG, "endpoint_get", name, OUT), inval);
  });
}

Deno.test("any other endpoint opens", async () => {
  using b = bench();
  for (const name of ["my endpoint", "stdout2", "", "ä"]) await b.got(LOG, "endpoint_get", name);
  assertEquals(b.now(LOG, "endpoint_get", Uint8Array.of(0xff), OUT), inval);
});

Deno.test("an endpoint's name has at most 1,024 bytes", async () => {
  using b = bench();
  await b.got(LOG, "endpoint_get", "ä".repeat(512));
  assertEquals(b.now(LOG, "endpoint_get", "ä".repeat(512) + "a", OUT), limitexceeded);
});

Deno.test("an endpoint that is opened twice takes records by both handles", async () => {
  using b = bench();
  const handles = [await b.got(LOG, "endpoint_get", "x"), await b.got(LOG, "endpoint_get", "x")];
  for (const handle of handles) await b.got(LOG, "write", handle, "r");
  assertEquals(told(b), [["x", "r"], ["x", "r"]]);
});

const records: [written: string, told: string[]][] = [
  ["one", ["one"]],
  ["one\n", ["one"]],
  ["one\n\n", ["one\n"]],
  ["a\nb", ["a\nb"]],
  ["\n", []],
  ["", []],
];
for (const [written, expected] of records) {
  Deno.test(`the record ${JSON.stringify(written)} is logged as ${JSON.stringify(expected)}`, async () => {
    using b = bench();
    const endpoint = await b.got(LOG, "endpoint_get", "mine");
    assertEquals(await b.got(LOG, "write", endpoint, written), written.length);
    assertEquals(told(b), expected.map((message) => ["mine", message]));
  });
}

Deno.test("a record of any bytes is taken in full", async () => {
  using b = bench();
  const endpoint = await b.got(LOG, "endpoint_get", "mine");
  assertEquals(await b.got(LOG, "write", endpoint, Uint8Array.of(0xff, 0x41)), 2);
  assertEquals(told(b), [["mine", "\ufffdA"]]);
});

Deno.test("a write to a handle that is no endpoint is Badf", async () => {
  using b = bench();
  assertEquals(b.now(LOG, "write", 0, "x", OUT), badf);
  assertEquals(b.now(LOG, "write", await b.body(), "x", OUT), badf);
  assertEquals(told(b), []);
});

Deno.test("endpoints, standard output and standard error keep one order", async () => {
  using b = bench();
  const [one, two] = [await b.got(LOG, "endpoint_get", "1"), await b.got(LOG, "endpoint_get", "2")];
  const print = (fd: number, text: string) => {
    b.memory.setBytes(0x800, new TextEncoder().encode(text));
    b.memory.setU32(0x700, 0x800);
    b.memory.setU32(0x704, text.length);
    assertEquals(b.now(WASI, "fd_write", fd, 0x700, 1, OUT), ok);
  };
  await b.got(LOG, "write", one, "a");
  print(1, "b\n");
  await b.got(LOG, "write", two, "c");
  print(2, "d\n");
  await b.got(LOG, "write", one, "e");
  assertEquals(told(b), [["1", "a"], ["stdout", "b"], ["2", "c"], ["stderr", "d"], ["1", "e"]]);
});

Deno.test("a sink that throws does not harm the guest", async () => {
  using b = bench({
    log() {
      throw new Error("full");
    },
  });
  const endpoint = await b.got(LOG, "endpoint_get", "mine");
  assertEquals(await b.got(LOG, "write", endpoint, "x"), 1);
});
