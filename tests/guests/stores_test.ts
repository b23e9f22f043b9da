import { assemble } from "../../cli/wat.ts";
import { Fastlike, type FastlikeOptions } from "../../mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { fetchRaw, type RawResponse, valuesOf } from "./http.ts";
import { guestUrl, type Served, serveGuest, startOrigin, testGuest } from "./serving.ts";

/** A guest with the stores that its routes open. */
function serveStores(name: string, options: FastlikeOptions = {}): Promise<Served> {
  return serveGuest(name, { kvStores: { settings: {} }, ...options });
}

function ask(served: Served, path: string, options?: Parameters<typeof fetchRaw>[2]) {
  return fetchRaw(served.port, path, options);
}

function answer({ status, body }: RawResponse): [number, string] {
  return [status, body];
}

const NAMES = ["rust", "go", "javascript"];
/**
 * Guests whose SDKs have the generation of a value (JavaScript's declares it, but does not pass it on) and the result
 * of an insert.
 */
const TELLING = ["rust", "go"];

for (const name of NAMES) {
  testGuest(name, "secrets are read, and absent ones absent", async () => {
    await using served = await serveStores(name, {
      secretStores: { settings: { token: "s\u00e9cret" }, other: { token: "2".repeat(3000) } },
    });
    assertEquals(answer(await ask(served, "/secret?key=token")), [200, "s\xc3\xa9cret"]);
    const long = await ask(served, "/secret?store=other&key=token");
    assertEquals(answer(long), [200, "2".repeat(3000)]);
    assertEquals((await ask(served, "/secret?key=none")).status, 404);
    assertEquals((await ask(served, "/secret?store=none&key=token")).status, 500);
  });

  testGuest(name, "a value that one request puts in a KV store is the next one's", async () => {
    await using served = await serveStores(name);
    assertEquals((await ask(served, "/kv/get?key=a")).status, 404);
    const put = await ask(served, "/kv/put?key=a&metadata=m", { method: "PUT", body: "1" });
    assertEquals(answer(put), [200, "stored\n"]);
    const got = await ask(served, "/kv/get?key=a");
    assertEquals([...answer(got), valuesOf(got, "x-metadata")], [200, "1", ["m"]]);
    await ask(served, "/kv/put?key=a&mode=append", { method: "PUT", body: "2" });
    await ask(served, "/kv/put?key=a&mode=prepend", { method: "PUT", body: "0" });
    // The JavaScript SDK does not ask for the outcome of an insert.
    await ask(served, "/kv/put?key=a&mode=add", { method: "PUT", body: "x" });
    assertEquals((await ask(served, "/kv/get?key=a")).body, "012");
    assertEquals(answer(await ask(served, "/kv/delete?key=a")), [200, "deleted\n"]);
    assertEquals((await ask(served, "/kv/get?key=a")).status, 404);
    assert((await ask(served, "/kv/get?key=a%23b")).status >= 400);
  });

  testGuest(name, "a value is gone when its time is up", async () => {
    let now = 1_000;
    await using served = await serveStores(name, { clock: () => now });
    await ask(served, "/kv/put?key=a&ttl=60", { method: "PUT", body: "1" });
    now += 59_999;
    assertEquals((await ask(served, "/kv/get?key=a")).body, "1");
    now += 1;
    assertEquals((await ask(served, "/kv/get?key=a")).status, 404);
  });

  testGuest(name, "keys are listed page after page", async () => {
    const keys = Array.from({ length: 111 }, (_, i) => `x/${String(i).padStart(3, "0")}`);
    const settings = Object.fromEntries([...keys, "y/1", "w"].map((key) => [key, "1"]));
    await using served = await serveStores(name, { kvStores: { settings } });
    const { body } = await ask(served, "/kv/list?prefix=x/&limit=20");
    const pages = body.trimEnd().split("\n").map((line) => line.split(" "));
    assertEquals(pages.map(({ length }) => length), [20, 20, 20, 20, 20, 11]);
    assertEquals(pages.flat(), keys);
    assertEquals((await ask(served, "/kv/list?prefix=none")).body, "");
  });

  testGuest(name, "a list goes on where another request's has ended", async () => {
    const settings = Object.fromEntries(["a", "b", "c", "d", "e"].map((key) => [key, "1"]));
    await using served = await serveStores(name, { kvStores: { settings } });
    const page = async (query: string) => {
      const response = await ask(served, `/kv/page?${query}`);
      return [response.body, ...valuesOf(response, "x-cursor")] as [string, string];
    };
    const [first, cursor] = await page("");
    assertEquals(first, "a b");
    await ask(served, "/kv/delete?key=b");
    await ask(served, "/kv/put?key=bb", { method: "PUT", body: "1" });
    const [second, next] = await page(`cursor=${encodeURIComponent(cursor)}`);
    assertEquals(second, "bb c");
    assertEquals(await page(`eventual&cursor=${encodeURIComponent(next)}`), ["d e", ""]);
  });

  testGuest(name, "a backend's response goes into a KV store as it comes", async () => {
    const part = "0123456789abcdef".repeat(4096);
    await using origin = await startOrigin((_, response) => {
      response.write(part);
      setImmediate(() => response.end(part));
    });
    await using served = await serveStores(name, { backends: { origin: origin.url } });
    assertEquals((await ask(served, "/kv/put?key=a&path=/big")).status, 200);
    assertEquals((await ask(served, "/kv/get?key=a")).body, part + part);
  });

  testGuest(name, "a response that breaks off is not stored", async () => {
    await using origin = await startOrigin((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    await using served = await serveStores(name, { backends: { origin: origin.url } });
    assert((await ask(served, "/kv/put?key=a&path=/broken")).status >= 400);
    assertEquals((await ask(served, "/kv/get?key=a")).status, 404);
  });

  testGuest(name, "ACLs tell the longest prefix", async () => {
    await using served = await serveStores(name, {
      acls: {
        blocked: [
          { prefix: "192.0.2.7/32", action: "ALLOW" },
          { prefix: "192.0.2.0/24", action: "BLOCK" },
          { prefix: "2001:DB8::/32", action: "BLOCK" },
        ],
      },
    });
    const at = async (ip: string) => answer(await ask(served, `/acl?ip=${ip}`));
    assertEquals(await at("192.0.2.7"), [200, "ALLOW 192.0.2.7/32\n"]);
    assertEquals(await at("192.0.2.8"), [200, "BLOCK 192.0.2.0/24\n"]);
    const v6 = "BLOCK 2001:0db8:0000:0000:0000:0000:0000:0000/32\n";
    assertEquals(await at("2001:db8::1"), [200, v6]);
    assertEquals(await at("192.0.3.1"), [404, "absent\n"]);
  });

  testGuest(name, "an ACL that there is not fails", async () => {
    await using served = await serveStores(name);
    assertEquals((await ask(served, "/acl?ip=192.0.2.7")).status, 500);
  });

  testGuest(name, "the device is found in the User-Agent field", async () => {
    await using served = await serveStores(name);
    const of = async (agent: string) =>
      answer(await ask(served, "/device", { headers: `User-Agent: ${agent}\r\n` }));
    const phone = "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 " +
      "(KHTML, like Gecko) Chrome/116.0.0.0 Mobile Safari/537.36";
    assertEquals(await of(phone), [200, "Google Pixel 7 mobile=true desktop=false\n"]);
    const desktop = "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.0";
    assertEquals(await of(desktop), [200, "unknown unknown mobile=false desktop=true\n"]);
    assertEquals(await of("curl/8.0.1"), [404, "absent\n"]);
  });

  testGuest(name, "a shield answers for its site, and the site knows itself", async () => {
    await using origin = await startOrigin((request, response) =>
      response.end(`shield ${request.url}`)
    );
    const [up, down] = [`${origin.url}/`, "https://127.0.0.1:1/"];
    // Go's SDK cannot choose.
    const there = name === "go"
      ? { encrypted: up, unencrypted: down }
      : { encrypted: down, unencrypted: up };
    await using served = await serveStores(name, { shieldingSites: { here: "local", there } });
    assertEquals(answer(await ask(served, "/shield?name=here")), [200, "here\n"]);
    assertEquals(answer(await ask(served, "/shield?name=there")), [200, "shield /shielded"]);
    assertEquals((await ask(served, "/shield?name=nowhere")).status, 500);
  });
}

for (const name of TELLING) {
  testGuest(name, "a generation is good for one insert", async () => {
    await using served = await serveStores(name, { kvStores: { settings: { a: "1" } } });
    const [generation] = valuesOf(await ask(served, "/kv/get?key=a"), "x-generation");
    const path = `/kv/put?key=a&generation=${generation}`;
    assertEquals((await ask(served, path, { method: "PUT", body: "2" })).status, 200);
    assertEquals((await ask(served, path, { method: "PUT", body: "3" })).status, 412);
    assertEquals((await ask(served, "/kv/get?key=a")).body, "2");
  });

  testGuest(name, "failures of a KV store are different errors", async () => {
    await using served = await serveStores(name, { kvStores: { settings: { a: "1" } } });
    const put = (query: string) => ask(served, `/kv/put?${query}`, { method: "PUT", body: "x" });
    assertEquals((await put("key=a&mode=add")).status, 412);
    assertEquals((await put("key=a%7Cb")).status, 400);
    assertEquals((await ask(served, "/kv/delete?key=none")).status, 404);
  });

  testGuest(name, "an absent KV store is an error of its own", async () => {
    await using served = await serveStores(name, { kvStores: {} });
    const { status, body } = await ask(served, "/kv/get?key=a");
    assertEquals(status, 500);
    assertStringIncludes(body.replaceAll(" ", "").toLowerCase(), "storenotfound");
  });
}

Deno.test("a guest that waits for a ready handle keeps its turn: the next request needs no instance of its own", async () => {
  await using app = await Fastlike.load(guestUrl("rust"), {
    kvStores: { settings: { a: "here" } },
  });
  const request = () => app.handler(new Request("http://localhost/kv/get?key=a"));
  const responses = await Promise.all(Array.from({ length: 10 }, request));
  for (const response of responses) assertEquals((await response.text()).trim(), "here");
  assertEquals(app.status().instances.live, 1);
});

Deno.test("so does one that waits for such things again and again", async () => {
  const guest = await guestOf(`
    (if (call $open (i32.const 0) (i32.const 1) (i32.const 4)) (then (unreachable)))
    (local.set $left (i32.const 100))
    (loop $next
      (if (call $lookup (i32.load (i32.const 4)) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 64) (i32.const 8))
        (then (unreachable)))
      (if (call $lookup_wait (i32.load (i32.const 8)) (i32.const 12) (i32.const 64) (i32.const 8) (i32.const 16) (i32.const 20) (i32.const 24))
        (then (unreachable)))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`);
  await using app = await Fastlike.load(guest, { kvStores: { a: { a: "here" } } });
  const request = () => app.handler(new Request("http://localhost/"));
  const responses = await Promise.all(Array.from({ length: 10 }, request));
  assertEquals(responses.map(({ status }) => status), responses.map(() => 200));
  assertEquals(app.status().instances.live, 1);
});

/** A guest that reads a KV store. */
function guestOf(start: string): Promise<Uint8Array> {
  return assemble(
    "guest.wat",
    `(module
      (import "fastly_kv_store" "open" (func $open (param i32 i32 i32) (result i32)))
      (import "fastly_kv_store" "lookup" (func $lookup (param i32 i32 i32 i32 i32 i32) (result i32)))
      (import "fastly_kv_store" "lookup_wait"
        (func $lookup_wait (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "a")
      (func (export "_start") (local $left i32) ${start}))`,
  );
}
