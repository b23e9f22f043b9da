import { assertEquals } from "../assert.ts";
import { startOrigin } from "../guests/serving.ts";
import { type Bench, bench, BUF, OUT, OUT2, UNTOUCHED, XqdStatus } from "./_bench.ts";

const { ok, error, inval, buflen } = XqdStatus;
const MODULE = "fastly_shielding";
const CONFIG = 0x2000;
const FIRST_BYTE = 4;
const BETWEEN_BYTES = 8;

function shield(b: Bench, url: string, mask = 0, config = 0, room = 1024) {
  b.memory.setU32(OUT, UNTOUCHED);
  const status = b.now(MODULE, "backend_for_shield", url, mask, config, BUF, room, OUT);
  const length = b.memory.u32(OUT);
  return { status, name: status === ok ? b.text(BUF, length) : "", length };
}

Deno.test("a site tells whether it is here, and its two URLs", async () => {
  using b = bench({
    shieldingSites: {
      here: "local",
      there: { encrypted: "https://e.test/", unencrypted: "http://u.test/" },
    },
  });
  const info = (name: string, room = 100) => b.read(MODULE, "shield_info", [name], room);
  assertEquals(await info("here"), { status: ok, text: "\x01\0\0", length: 3 });
  const there = "\0http://u.test/\0https://e.test/\0";
  assertEquals(await info("there"), { status: ok, text: there, length: there.length });
  assertEquals((await info("there", there.length)).status, ok);
});

Deno.test("an unknown site, or one that does not fit, writes nothing", async () => {
  using b = bench({ shieldingSites: { here: "local" } });
  const info = (name: string | Uint8Array, room = 100) =>
    b.read(MODULE, "shield_info", [name], room);
  assertEquals(await info("here", 2), { status: buflen, text: "", length: UNTOUCHED });
  for (const name of ["other", "", "__proto__", Uint8Array.of(0xff)]) {
    assertEquals(await info(name), { status: inval, text: "", length: UNTOUCHED });
  }
});

Deno.test("a shield's backend sends to its URL", async () => {
  await using origin = await startOrigin((request, response) => response.end(request.url));
  using b = bench();
  const { status, name } = shield(b, `${origin.url}/`);
  assertEquals([status, name], [ok, `******${origin.url}/*****`]);
  assertEquals(await b.got("fastly_backend", "is_dynamic", name), 1);
  const request = await b.request("http://guest.test/path?q");
  assertEquals(
    await b.call("fastly_http_req", "send", request, await b.body(), name, OUT, OUT2),
    ok,
  );
  assertEquals(await b.drain(b.memory.u32(OUT2)), "/path?q");
});

Deno.test("a shield's backend may be asked for by the site, and is then the encrypted one", () => {
  const there = { encrypted: "https://e.test/", unencrypted: "http://u.test/" };
  using b = bench({ shieldingSites: { there, here: "local" } });
  assertEquals(shield(b, "there").name, "******https://e.test/*****");
  for (const site of ["here", "__proto__"]) {
    assertEquals(shield(b, site), { status: inval, name: "", length: UNTOUCHED });
  }
});

Deno.test("timeouts count only with their bits, in records of any length", async () => {
  using b = bench();
  const record = new Uint32Array([CONFIG + 16, 3, 250, 500]);
  b.memory.setBytes(CONFIG, new Uint8Array(record.buffer));
  b.memory.setByteString(CONFIG + 16, "key");
  const all = shield(b, "http://a.test/", 2 | FIRST_BYTE | BETWEEN_BYTES, CONFIG);
  assertEquals(await b.got("fastly_backend", "get_first_byte_timeout_ms", all.name), 250);
  assertEquals(await b.got("fastly_backend", "get_between_bytes_timeout_ms", all.name), 500);
  const plain = shield(b, "http://b.test/", 0, CONFIG);
  assertEquals(plain.status, ok);
  assertEquals(await b.got("fastly_backend", "get_first_byte_timeout_ms", plain.name), 15_000);
  // A record that ends with memory: of 8 bytes, then of 12.
  const end = 0x2_0000;
  b.memory.setU32(end - 8, CONFIG + 16);
  b.memory.setU32(end - 4, 3);
  assertEquals(shield(b, "http://c.test/", 2, end - 8).status, ok);
  b.memory.setU32(end - 4, 750);
  const short = shield(b, "http://d.test/", FIRST_BYTE, end - 12);
  assertEquals(await b.got("fastly_backend", "get_first_byte_timeout_ms", short.name), 750);
  assertEquals(shield(b, "http://e.test/", BETWEEN_BYTES, end - 12).status, inval);
  assertEquals(shield(b, "http://e.test/", 0, 0xffff_ffff).status, ok);
});

Deno.test("reserved bits, invalid URLs and invalid text are refused", () => {
  using b = bench();
  b.memory.setBytes(CONFIG, new Uint8Array(new Uint32Array([CONFIG + 16, 1, 0, 0]).buffer));
  b.memory.setU8(CONFIG + 16, 0xff);
  assertEquals(shield(b, "http://a.test/", 1, CONFIG).status, inval);
  assertEquals(shield(b, "http://a.test/", 16, CONFIG).status, inval);
  assertEquals(shield(b, "http://a.test/", 2, CONFIG).status, inval);
  for (const url of ["", "a.test", "ftp://a.test/", "http://"]) {
    assertEquals(shield(b, url), { status: inval, name: "", length: UNTOUCHED });
  }
});

Deno.test("a URL has one backend; a buffer that is too small makes none", () => {
  using b = bench();
  const name = "******http://a.test/*****";
  const short = shield(b, "http://a.test/", 0, 0, name.length - 1);
  assertEquals(short, { status: buflen, name: "", length: UNTOUCHED });
  assertEquals(shield(b, "http://a.test/", 0, 0, name.length).name, name);
  assertEquals(shield(b, "http://a.test/").status, error);
});
