import { componentLoader } from "../../drivers/components.ts";
import type { FastlikeOptions } from "../../mod.ts";
import { fetchedFrom } from "../asking.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { type Served, serveGuest, startOrigin, testGuest, testGuestOnce } from "./serving.ts";

const NAME = "rust-component";

function serve(options: FastlikeOptions = {}): Promise<Served> {
  return serveGuest(NAME, { components: componentLoader, ...options });
}

testGuest(NAME, "it answers, and nothing of a request is left for the next", async () => {
  await using served = await serve();
  assertEquals(await fetchedFrom(served, "/hello"), [200, "Hello from rust component\n"]);
  for (let i = 0; i < 3; i++) assertEquals(await fetchedFrom(served, "/count"), [200, "1\n"]);
  assertEquals(await fetchedFrom(served, "/leave"), [200, "left\n"]);
  assertEquals(await fetchedFrom(served, "/count"), [200, "1\n"]);
});

testGuest(NAME, "method, content and fields go both ways", async () => {
  await using served = await serve();
  const response = await fetch(`http://127.0.0.1:${served.port}/echo`, {
    method: "PUT",
    headers: { "content-type": "text/odd" },
    body: "content ".repeat(100_000),
  });
  assertEquals(response.headers.get("x-method"), "PUT");
  assertEquals(response.headers.get("content-type"), "text/odd");
  assertEquals((await response.text()).length, 800_000);
  const [, text] = await fetchedFrom(served, "/headers", {
    headers: { "x-one": "1", "x-two": "2" },
  });
  assertMatch(text, /^x-one: 1$/m);
  assertMatch(text, /^x-two: 2$/m);
  assertEquals(await fetchedFrom(served, "/status?code=418"), [418, ""]);
  const [, lines] = await fetchedFrom(served, "/stream");
  assertEquals(lines.split("\n").length, 101);
});

testGuest(NAME, "stores, the cache and rate counters answer as for modules", async () => {
  await using served = await serve({
    configStores: { settings: { greeting: "hi" } },
    secretStores: { secrets: { key: "hidden" } },
    kvStores: { users: {} },
  });
  assertEquals(await fetchedFrom(served, "/config?settings&greeting"), [200, 'Some("hi")\n']);
  assertEquals(await fetchedFrom(served, "/config?settings&none"), [200, "None\n"]);
  assertEquals(await fetchedFrom(served, "/dictionary"), [200, 'Some("hi")\n']);
  assertEquals(await fetchedFrom(served, "/secret"), [200, "hidden\n"]);
  const [, kv] = await fetchedFrom(served, "/kv");
  assertMatch(kv, /^a value Some\("about it"\) true true true Err\(KvError::BadRequest\)\n$/);
  assertEquals(await fetchedFrom(served, "/cache"), [200, "stored\n"]);
  assertMatch((await fetchedFrom(served, "/cache"))[1], /^hit Some\(\d+\) cached content\n$/);
  assertEquals(await fetchedFrom(served, "/rates"), [200, "false 3 Ok(false)\n"]);
});

testGuestOnce(NAME, "absent stores, backends and fields have the errors of the SDK", async () => {
  await using served = await serve();
  const [status, text] = await fetchedFrom(served, "/missing");
  assertEquals(status, 200);
  for (
    const [what, error] of [
      ["config", "not-found"],
      ["kv", "not-found"],
      ["secret", "not-found"],
      ["backend", "not-found"],
      ["log", "reserved"],
    ]
  ) {
    assertMatch(text, new RegExp(`^${what} Err\\(OpenError .*${error}`, "m"));
  }
  assertMatch(text, /^header Ok\(None\)$/m);
  assertMatch(text, /^removed Err\(Error::InvalidArgument\)$/m);
  assertMatch(text, /^name Err\(Error::GenericError\)$/m);
  const [, long] = await fetchedFrom(served, "/too-long");
  assertMatch(long, /^Err\(Error::BufferLen\(\d\d\)\)\n$/);
});

testGuestOnce(NAME, "logs, environment, clocks and randomness are the service's", async () => {
  let byte = 0;
  await using served = await serve({
    env: { OWN: "variable" },
    random: (bytes) => bytes.fill(++byte),
  });
  assertEquals(await fetchedFrom(served, "/log"), [200, "logged\n"]);
  const message = (kind: string) =>
    served.logged((entry) =>
      entry.kind === kind && "message" in entry && entry.message.startsWith("a line for")
    );
  for (const kind of ["endpoint", "stdout", "stderr"]) await message(kind);
  assertMatch((await fetchedFrom(served, "/env"))[1], /^OWN=variable$/m);
  assertMatch((await fetchedFrom(served, "/random"))[1], /^\[(\d+), \1/);
  assertEquals(await fetchedFrom(served, "/sleep"), [200, "slept\n"]);
  const [, runtime] = await fetchedFrom(served, "/runtime");
  assertMatch(runtime, /^vcpu true\nheap [1-9]\d*\nid 32\nhost localhost\nstaging false\n$/);
  const [, client] = await fetchedFrom(served, "/client");
  assertMatch(client, /^ip Some\(IpAddress::Ipv4\(\(127, 0, 0, 1\)\)\)\nid \d+\nja4 Ok\(None\)\n/);
  assertMatch(client, /^own Err\(Error::GenericError\)$/m);
});

testGuest(NAME, "backends answer, one and several at a time, and may be dead", async () => {
  await using origin = await startOrigin((request, response) => {
    setTimeout(() => response.end(`got ${request.url}`), request.url?.endsWith("0") ? 20 : 0);
  });
  await using served = await serve({ backends: { origin: origin.url } });
  assertEquals(await fetchedFrom(served, "/proxy/some/path"), [200, "got /some/path"]);
  assertEquals(await fetchedFrom(served, "/parallel"), [200, "got /part/0|got /part/1\n"]);
  await using dead = await serve({ backends: { origin: "http://127.0.0.1:1" } });
  const [status, text] = await fetchedFrom(dead, "/proxy/x");
  assertEquals(status, 200);
  assertMatch(text, /^Error::GenericError Some\(SendErrorDetail::ConnectionRefused\)/);
});

testGuestOnce(NAME, "a guest takes a second request in the same run", async () => {
  await using served = await serve();
  assertEquals(await fetchedFrom(served, "/next"), [200, "first\n"]);
  const [status, text] = await fetchedFrom(served, "/any");
  assertEquals(status, 200);
  assertMatch(text, /^(again 1 http:.*\/any|not found)\n$/);
});

testGuest(NAME, "an end without a response is as a module's", async () => {
  await using served = await serve();
  assertEquals(await fetchedFrom(served, "/nothing"), [200, ""]);
  assertEquals((await fetchedFrom(served, "/error"))[0], 500);
  assertEquals(await fetchedFrom(served, "/exit-ok"), [200, "before the exit\n"]);
  const [exited, why] = await fetchedFrom(served, "/exit");
  assertEquals(exited, 500);
  assertMatch(why, /^The guest exited with status [13]\n$/);
  const [trapped, frames] = await fetchedFrom(served, "/trap");
  assertEquals(trapped, 500);
  assertMatch(frames, /^The guest trapped: unreachable\n {2}at /);
  assertEquals(await fetchedFrom(served, "/count"), [200, "1\n"]);
});

testGuest(NAME, "handles that are not the guest's end it, and leave nothing behind", async () => {
  await using served = await serve();
  assertEquals((await fetchedFrom(served, "/leave"))[0], 200);
  for (let number = 0; number < 60; number++) {
    const [status, text] = await fetchedFrom(served, `/raw/set-status/${number}`);
    assertEquals(status, 500, `handle ${number}: ${text}`);
    assertMatch(text, /^The guest trapped: Cannot use the handle \d+/);
  }
  for (
    const [path, message] of [
      ["drop-pollable/77", /Cannot use the handle 77: there is none/],
      ["drop-response/-1", /Cannot use the handle 4294967295: there is none/],
      ["drop-twice/0", /Cannot use the handle \d+: there is none/],
      ["wrong-type/0", /Cannot use the handle \d+ as .*response: it is .*request/],
      ["far/2", /Cannot (reach \d+ bytes|use the handle)/],
      ["odd-result/0", /is not aligned/],
      ["far-result/0", /Cannot reach \d+ bytes at \d+/],
    ] as const
  ) {
    const [status, text] = await fetchedFrom(served, `/raw/${path}`);
    assertEquals(status, 500, path);
    assertMatch(text, message);
    assertEquals(await fetchedFrom(served, "/count"), [200, "1\n"]);
  }
});

testGuestOnce(NAME, "no handle of one request stands for anything in the next", async () => {
  await using served = await serve();
  for (let number = 0; number < 110; number++) {
    // 100 handles are left in this instance, which the next request gets.
    assertEquals((await fetchedFrom(served, "/leave"))[0], 200);
    const [status, text] = await fetchedFrom(served, `/raw/set-status/${number}`);
    assertEquals(status, 500);
    // The first are the next request's own: its request and its body.
    const own = number === 1 || number === 2;
    assertMatch(text, own ? /Cannot use the handle \d as .*: it is / : /: there is none\n/);
  }
});

testGuestOnce(NAME, "the limits on processor time and memory hold", async () => {
  await using served = await serve({ limits: { cpu_time: 200, memory: 32 * 2 ** 20 } });
  const [spun, spin] = await fetchedFrom(served, "/spin");
  assertEquals(spun, 500);
  assertMatch(spin, /cpu_time/);
  const [, grown] = await fetchedFrom(served, "/grow");
  const [, refused] = /^refused after (\d+) MiB\n$/.exec(grown) ?? [];
  assert(Number(refused) >= 16 && Number(refused) < 32, grown);
  assertEquals(await fetchedFrom(served, "/count"), [200, "1\n"]);
  const [, again] = await fetchedFrom(served, "/grow");
  assertEquals(again, grown);
});

testGuestOnce(NAME, "reloads answer with the new program", async () => {
  await using served = await serve();
  const bytes = await Deno.readFile(
    new URL("../../testdata/built/rust-component.wasm", import.meta.url),
  );
  for (let i = 0; i < 3; i++) {
    await served.app.reload(bytes);
    assertEquals(await fetchedFrom(served, "/hello"), [200, "Hello from rust component\n"]);
  }
});
