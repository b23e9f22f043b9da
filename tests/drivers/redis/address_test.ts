import { parseStoreAddress } from "../../../drivers/redis/address.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";

Deno.test("the error for a bad address of a store is one line, without the password", () => {
  const wrong = [
    "redis://u:p@ss@host",
    "redis://:secret@host:0",
    "redis://u:secret/more@host",
    "redis://secret host",
    "redis+sentinel://:secret@host",
    "redis+cluster://:secret@host/1",
    "redis+unix://:secret@host/path",
    "rediss+unix://:secret@/path",
    "http://:secret@host",
  ];
  for (const address of wrong) {
    const { message } = assertThrows(() => parseStoreAddress(address), TypeError);
    assert(!/secret|ss@|\n/.test(message), message);
  }
});

Deno.test("a malformed escape in a path, a name or a password stands for itself", () => {
  assertEquals(parseStoreAddress("redis+unix:///a%20b%zz").path, "/a%20b%zz");
  assertEquals(parseStoreAddress("redis+unix:///a%20b").path, "/a b");
  assertEquals(parseStoreAddress("redis+sentinel://host/100%").master, "100%");
  assertEquals(parseStoreAddress("redis://:100%@host").password, "100%");
  assertEquals(parseStoreAddress("redis://u%40v:p%40ss@host").password, "p@ss");
});
