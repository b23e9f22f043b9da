import { assertEquals } from "../assert.ts";
import { bench, BUF, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const { ok, inval, badf, buflen, unsupported, none } = XqdStatus;
const MODULE = "fastly_secret_store";

const secretStores = {
  mine: { token: "s\u00e9cret", bytes: Uint8Array.of(0x30, 0, 0x31), empty: "" },
};

Deno.test("a secret is read in plain text, the empty one too", async () => {
  using b = bench({ secretStores });
  const store = await b.got(MODULE, "open", "mine");
  for (
    const [name, text, length] of [
      ["token", "s\u00e9cret", 7],
      ["bytes", "0\x001", 3],
      ["empty", "", 0],
    ] as const
  ) {
    const secret = await b.got(MODULE, "get", store, name);
    assertEquals(await b.read(MODULE, "plaintext", [secret]), { status: ok, text, length });
  }
});

Deno.test("a secret that does not fit tells its length", async () => {
  using b = bench({ secretStores });
  const store = await b.got(MODULE, "open", "mine");
  const secret = await b.got(MODULE, "get", store, "token");
  const short = await b.read(MODULE, "plaintext", [secret], 6);
  assertEquals(short, { status: buflen, text: "", length: 7 });
  assertEquals((await b.read(MODULE, "plaintext", [secret], 7)).status, ok);
});

Deno.test("absent stores and secrets are absent, and write nothing", async () => {
  using b = bench({ secretStores });
  const store = await b.got(MODULE, "open", "mine");
  b.memory.setU32(OUT, UNTOUCHED);
  for (const name of ["other", "", "__proto__", "constructor"]) {
    assertEquals(b.now(MODULE, "open", name, OUT), none);
    assertEquals(b.now(MODULE, "get", store, name, OUT), none);
  }
  assertEquals(b.memory.u32(OUT), UNTOUCHED);
});

Deno.test("handles of other kinds are not taken for secret stores or secrets", async () => {
  using b = bench({ secretStores });
  const store = await b.got(MODULE, "open", "mine");
  const secret = await b.got(MODULE, "get", store, "token");
  for (const wrong of [0, 0xffff_fffe, secret, await b.body()]) {
    assertEquals(b.now(MODULE, "get", wrong, "token", OUT), badf);
  }
  assertEquals((await b.read(MODULE, "plaintext", [store])).status, badf);
});

Deno.test("names of secrets are UTF-8", async () => {
  using b = bench({ secretStores });
  const store = await b.got(MODULE, "open", "mine");
  assertEquals(b.now(MODULE, "open", Uint8Array.of(0xff), OUT), inval);
  assertEquals(b.now(MODULE, "get", store, Uint8Array.of(0xff), OUT), inval);
});

Deno.test("a guest makes a secret of its own bytes, which it may then change", async () => {
  using b = bench();
  b.memory.setByteString(0x2000, "mine");
  const secret = await b.got(MODULE, "from_bytes", 0x2000, 4);
  b.memory.setByteString(0x2000, "gone");
  assertEquals((await b.read(MODULE, "plaintext", [secret])).text, "mine");
  const empty = await b.got(MODULE, "from_bytes", 0, 0);
  assertEquals(await b.read(MODULE, "plaintext", [empty]), { status: ok, text: "", length: 0 });
  assertEquals(b.now(MODULE, "from_bytes", 0x1_ffff, 2, OUT), inval);
});

Deno.test("secrets without a store are not supported", () => {
  using b = bench({ secretStores });
  b.fill(OUT, 4);
  assertEquals(b.now("fastly_secrets", "get_secret", "token", BUF, 100, OUT), unsupported);
  b.assertFilled(OUT, 4);
});
