import { octetsOf } from "../../service/util/address.ts";
import { Acl, type AclEntry } from "../../service/stores/acl.ts";
import { Service } from "../../service/service.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { type Bench, bench, OUT, OUT2, UNTOUCHED, XqdStatus } from "./_bench.ts";

const { ok, inval, badf, none } = XqdStatus;
const MODULE = "fastly_acl";
const MATCH = 1;
const NO_CONTENT = 2;

const ALLOW = "ALLOW" as const;
const BLOCK = "BLOCK" as const;

const acls = {
  mine: [
    { prefix: "1.2.3.4/32", action: ALLOW },
    { prefix: "1.2.3.0/24", action: BLOCK },
    { prefix: "1.2.3.99/24", action: ALLOW },
    { prefix: "FACE::/16", action: BLOCK },
    { prefix: "2a03:4b80:aa00::/39", action: ALLOW },
    { prefix: "192.0.2.1", action: BLOCK },
  ],
  all: [
    { prefix: "0.0.0.0/0", action: BLOCK },
    { prefix: "::1/128", action: ALLOW },
  ],
  empty: [],
};

async function lookup(b: Bench, acl: number, address: string) {
  b.memory.setU32(OUT, UNTOUCHED);
  b.memory.setU32(OUT2, UNTOUCHED);
  const status = await b.call(MODULE, "lookup", acl, octetsOf(address)!, OUT, OUT2);
  const body = b.memory.u32(OUT);
  const entry = body === UNTOUCHED ? undefined : JSON.parse(await b.drain(body)) as AclEntry;
  return { status, code: b.memory.u32(OUT2), entry };
}

Deno.test("the longest prefix counts, and the last of equal ones", async () => {
  using b = bench({ acls });
  const acl = await b.got(MODULE, "open", "mine");
  const cases: [string, string, AclEntry["action"]][] = [
    ["1.2.3.4", "1.2.3.4/32", ALLOW],
    ["1.2.3.5", "1.2.3.0/24", ALLOW],
    ["192.0.2.1", "192.0.2.1/32", BLOCK],
  ];
  for (const [address, prefix, action] of cases) {
    assertEquals(await lookup(b, acl, address), {
      status: ok,
      code: MATCH,
      entry: { prefix, action },
    });
  }
});

Deno.test("prefixes of IPv6 are returned with all groups written out, in lower case", async () => {
  using b = bench({ acls });
  const acl = await b.got(MODULE, "open", "mine");
  assertEquals((await lookup(b, acl, "face:1::2")).entry, {
    prefix: "face:0000:0000:0000:0000:0000:0000:0000/16",
    action: BLOCK,
  });
  assertEquals((await lookup(b, acl, "2a03:4b80:abcd::1")).entry, {
    prefix: "2a03:4b80:aa00:0000:0000:0000:0000:0000/39",
    action: ALLOW,
  });
  const all = await b.got(MODULE, "open", "all");
  assertEquals((await lookup(b, all, "::1")).entry?.action, ALLOW);
});

Deno.test("no match is no failure, and gives no body", async () => {
  using b = bench({ acls });
  const acl = await b.got(MODULE, "open", "mine");
  const empty = await b.got(MODULE, "open", "empty");
  const miss = { status: ok, code: NO_CONTENT, entry: undefined };
  for (const address of ["1.2.4.1", "fabe::1", "2a03:4b80:ac00::", "::"]) {
    assertEquals(await lookup(b, acl, address), miss, address);
    assertEquals(await lookup(b, empty, address), miss);
  }
});

Deno.test("a range of no bits has every address of its kind", async () => {
  using b = bench({ acls });
  const acl = await b.got(MODULE, "open", "all");
  assertEquals((await lookup(b, acl, "203.0.113.9")).entry, {
    prefix: "0.0.0.0/0",
    action: BLOCK,
  });
  assertEquals((await lookup(b, acl, "2001:db8::1")).code, NO_CONTENT);
});

Deno.test("an ACL that there is not is absent", () => {
  using b = bench({ acls });
  b.memory.setU32(OUT, UNTOUCHED);
  for (const name of ["other", "", "__proto__"]) {
    assertEquals(b.now(MODULE, "open", name, OUT), none);
  }
  assertEquals(b.memory.u32(OUT), UNTOUCHED);
  assertEquals(b.now(MODULE, "open", Uint8Array.of(0xff), OUT), inval);
});

Deno.test("a lookup refuses other handles, addresses of other lengths and wild pointers", async () => {
  using b = bench({ acls });
  const acl = await b.got(MODULE, "open", "mine");
  const hit = Uint8Array.of(1, 2, 3, 4);
  const miss = Uint8Array.of(9, 9, 9, 9);
  b.fill(OUT, 4);
  b.fill(OUT2, 4);
  for (const wrong of [0, 0xffff_fffe]) {
    assertEquals(await b.call(MODULE, "lookup", wrong, hit, OUT, OUT2), badf);
  }
  for (const length of [0, 3, 5, 15, 17]) {
    assertEquals(await b.call(MODULE, "lookup", acl, new Uint8Array(length), OUT, OUT2), inval);
  }
  for (const address of [hit, miss]) {
    assertEquals(await b.call(MODULE, "lookup", acl, address, OUT, 0x1_ffff), inval);
  }
  assertEquals(await b.call(MODULE, "lookup", acl, hit, 0x1_ffff, OUT2), inval);
  b.assertFilled(OUT2, 4);
});

Deno.test("the error for a bad prefix names its ACL", () => {
  for (
    const prefix of ["", "1.2.3.4/33", "::/129", "1.2.3/24", "1.2.3.4/", "1.2.3.4/-1", "a/8", "/8"]
  ) {
    assertThrows(
      () => new Service({ acls: { mine: [{ prefix, action: BLOCK }] } }),
      TypeError,
      `Cannot use ACL "mine": Cannot use the prefix "${prefix}": it is no range of addresses`,
    );
  }
  assertEquals(new Acl([]).lookup(Uint8Array.of(1, 2, 3, 4)), undefined);
});
