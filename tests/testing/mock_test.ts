import { TestHost, type TestHostOptions, UnmockedRequestError } from "../../testing.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { guestUrl } from "../guests/serving.ts";

function start(guest: string, options: Omit<TestHostOptions, "wasm"> = {}): Promise<TestHost> {
  return TestHost.start({ wasm: guestUrl(guest), ...options });
}

Deno.test("an error of a mock is the same to the guest as that of a real backend", async () => {
  for (const error of ["connection_refused", "dns_error", "http_response_timeout"] as const) {
    await using host = await start("rust", { backends: { origin: { error } } });
    const response = await host.fetch("/proxy/path");
    assertEquals(response.status, 502);
    const kind = error.split("_").map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
    assertStringIncludes(await response.text(), kind);
  }
});

Deno.test("a mock with content and an error sends the content, and cuts the response", async () => {
  await using host = await start("rust", {
    backends: { origin: { body: "part", error: "http_incomplete_response" } },
  });
  const response = await host.fetch("/proxy/path");
  assertEquals(response.status, 200);
  await assertRejects(() => response.text());
});

Deno.test("a list of mocks is answered in turn, each as often as it says, and then used up", async () => {
  await using host = await start("rust", {
    cache: false,
    backends: { origin: [{ body: "1", times: 2 }, () => new Response("2"), { json: [3] }] },
  });
  const texts = [];
  for (let i = 0; i < 4; i++) texts.push(await (await host.fetch("/proxy/")).text());
  assertEquals(texts, ["1", "1", "2", "[3]"]);
  const error = await assertRejects(() => host.fetch("/proxy/"), UnmockedRequestError);
  assertStringIncludes(error.message, "has used up its mock");
});

Deno.test("routes are by method and path, the first that fits answers, and names parts of the path", async () => {
  await using host = await start("rust", {
    cache: false,
    backends: {
      origin: {
        "POST /users/:id": { status: 201 },
        "GET /users/:id": (_, { params }) => ({ json: { id: params.id! } }),
        "/static/*": [{ body: "once" }],
        "*": { status: 404, headers: { "x-a": ["1", "2"] } },
      },
    },
  });
  assertEquals((await host.fetch("/proxy/users/7", { method: "POST" })).status, 201);
  const found = await host.fetch("/proxy/users/7");
  assertEquals([found.headers.get("content-type"), await found.json()], [
    "application/json",
    { id: "7" },
  ]);
  assertEquals(await (await host.fetch("/proxy/static/a/b")).text(), "once");
  // Used up, that route leaves the others to answer.
  const rest = await host.fetch("/proxy/static/a/b");
  assertEquals([rest.status, rest.headers.get("x-a")], [404, "1, 2"]);
});

Deno.test("a mock that makes no sense fails the start, with its place in the options", async () => {
  const wrong: [TestHostOptions["backends"], string][] = [
    [{ origin: { stauts: 200 } as never }, 'a key "stauts", did you mean status?'],
    [{ origin: { error: "conection_refused" as never } }, "did you mean connection_refused?"],
    [{ origin: { status: 99 } }, "its status 99"],
    [{ origin: [{ "GET /": { body: 1 as never } }] }, 'number 1, route "GET /": its body'],
    [{ origin: { body: "", json: 1 } }, "both a body and json"],
    [{ origin: { delay: "soon" } }, 'its delay "soon" is neither'],
    [{ "https://example.com": "https://example.com" }, "an origin has a mock"],
  ];
  for (const [backends, part] of wrong) {
    const error = await assertRejects(() => start("rust", { backends: backends! }), TypeError);
    assertStringIncludes(error.message, part);
  }
});

Deno.test("a delay of a mock passes by the time of the test", async () => {
  await using host = await start("rust", {
    clock: "frozen",
    backends: { origin: { body: "late", delay: "2s" } },
  });
  const response = host.fetch("/proxy/path");
  let there = false;
  response.then(() => there = true);
  await host.advance("1.9s");
  assert(!there);
  await host.advance("0.1s");
  assertEquals(await (await response).text(), "late");
});

Deno.test("dynamic backends are mocked by their origin, and refused without a mock", async () => {
  await using host = await start("rust", { backends: { "http://api.example": { body: "api" } } });
  assertEquals(await (await host.fetch("/dynamic?target=api.example")).text(), "api");
  assertEquals(host.calls().map(({ url }) => url), ["http://api.example/"]);
  const error = await assertRejects(
    () => host.fetch("/dynamic?target=other.example"),
    UnmockedRequestError,
  );
  assertStringIncludes(error.message, "GET http://other.example/");
});

Deno.test("with unmocked: refuse the guest alone learns that a request is not mocked", async () => {
  await using host = await start("rust", { unmocked: "refuse" });
  assertEquals((await host.fetch("/proxy/path")).status, 502);
});

Deno.test("a route with a query is for requests with that query, whose parts it may name", async () => {
  await using host = await start("rust", {
    cache: false,
    backends: {
      origin: {
        "GET /users?id=:id&full=yes": (_request, { params }) => ({ json: params }),
        "/users?id=7": { body: "seven" },
        "/:kind?": (_request, { params }) => ({ json: params }),
        "/static/*": (_request, { params }) => ({ json: params }),
        "http://:host/static/*": { body: "not reached" },
      },
    },
  });
  const answerTo = async (path: string) => await (await host.fetch(`/proxy${path}`)).text();
  assertEquals(JSON.parse(await answerTo("/users?id=3&full=yes")), { id: "3" });
  assertEquals(await answerTo("/users?id=7"), "seven");
  assertEquals(JSON.parse(await answerTo("/users?id=8")), { kind: "users" });
  assertEquals(JSON.parse(await answerTo("/static/a/b?c")), { 0: "a/b" });
});
