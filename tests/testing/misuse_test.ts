import { memoryFixtures, TestHost, type TestHostOptions } from "../../testing.ts";
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "../assert.ts";
import { folderFixtures } from "../../testing/files.ts";
import { guestUrl } from "../guests/serving.ts";

/** Starts a host with options that the compiler would refuse, as a test in JavaScript may. */
function start(options: unknown): Promise<TestHost> {
  return TestHost.start({ wasm: guestUrl("rust"), ...options as Omit<TestHostOptions, "wasm"> });
}

/** Options, and a part of the message that the start rejects with. */
const REFUSED: [options: Record<string, unknown>, message: string][] = [
  [{ wasm: undefined }, "Cannot load a program from undefined: it is neither a URL"],
  [{ wasm: "app.wasm" }, 'from "app.wasm": it is neither a URL, bytes, a Response nor'],
  [{ wasm: "app.wasm" }, '(for a file: new URL("./app.wasm", import.meta.url))'],
  [{ backend: {} }, "Cannot use the option backend: it is not known, did you mean backends?"],
  [{ mocks: {} }, "Cannot use the option mocks: it is not known, there are "],
  [
    { backends: () => undefined },
    "Cannot use the option backends (a function): it is no object with mocks",
  ],
  [{ backends: [{}] }, "Cannot use the option backends (a list): it is no object with mocks"],
  [
    { backends: new Map() },
    "Cannot use the option backends (an object of class Map): it is no object with mocks",
  ],
  [{ clock: "forzen" }, 'Cannot use the option clock "forzen": did you mean frozen?'],
  [{ unmocked: "ignore" }, 'Cannot use the option unmocked "ignore": there are reject, refuse'],
  [{ now: "yesterday" }, 'Cannot use the option now "yesterday": it is neither milliseconds'],
  [{ now: new Date("x") }, "Cannot use the option now (Invalid Date): it is neither milliseconds"],
  [{ random: "x" }, 'Cannot use the option random "x": it is no number'],
  [{ baseUrl: "/x" }, 'Cannot use the option baseUrl "/x": it is no http or https URL'],
  [{ record: "fixtures" }, 'Cannot use the option record "fixtures": it is no store, as'],
  [{ replay: {} }, "Cannot use the option replay (an object): it is no store, as"],
  [
    { record: memoryFixtures(), replay: memoryFixtures() },
    "Cannot use the options record and replay together: leave one out",
  ],
  [
    { client: { pi: "192.0.2.1" } },
    "Cannot use the client's pi: it is not known, did you mean ip?",
  ],
  [{ client: { ip: "1.2.3" } }, 'Cannot use the client\'s ip "1.2.3": it is no IPv4 or IPv6'],
  [
    { kv: { a: { k: 3 } } },
    'Cannot use KV store "a": the value of "k" is neither a text nor bytes',
  ],
  [{ kv: { a: { k: null } } }, 'the value of "k" is neither a text nor bytes'],
  [{ kv: { a: { k: { value: {} } } } }, 'the value of "k" is neither a text nor bytes'],
  [{ kv: { a: null } }, 'Cannot use KV store "a": its entries are no object'],
  [{ kv: { a: ["x"] } }, 'Cannot use KV store "a": its entries are no object'],
  [{ config: { a: { k: 3 } } }, 'Cannot use config store "a": the value of "k" is no text'],
  [{ config: { a: null } }, 'Cannot use config store "a": its entries are no object'],
  [{ secrets: { a: { k: 3 } } }, 'secret store "a": the value of "k" is neither a text nor bytes'],
  [{ secrets: { a: "x" } }, 'Cannot use secret store "a": its entries are no object'],
];

for (const [options, message] of REFUSED) {
  Deno.test(`a host with the options ${Deno.inspect(options)} is refused: ${message}`, async () => {
    const error = await assertRejects(() => start(options), Error);
    assertStringIncludes(error.message, message);
    assertEquals(error.message.includes("\n"), false);
  });
}

/** Mocks, and a part of the message that the start rejects with. */
const WRONG_MOCKS: [mock: unknown, message: string][] = [
  [new Response("x"), "it is a Response, which can be read once: make it in a function"],
  [Promise.resolve({}), "it is neither a function, a response as data, a list nor routes"],
  [new Map(), "it is neither a function"],
  [new URL("http://localhost"), "it is neither a function"],
  [new Uint8Array(1), "it is neither a function"],
  [{ headers: new Headers({ a: "b" }) }, "its headers are no object of texts"],
  [{ headers: { a: {} } }, 'its header "a" is no text'],
  [{ json: 1n }, "its json cannot be sent (Do not know how to serialize a BigInt)"],
  [{ json: () => {} }, "its json cannot be sent (it is no JSON value)"],
  [{ "/a": [{ delay: "soon" }] }, 'route "/a", number 1: its delay "soon" is neither milliseconds'],
  [{ delay: NaN }, "its delay NaN is neither milliseconds"],
  [{ "/a(": {} }, 'route "/a(": it is no URLPattern (Failed to parse'],
  [{ "get /a": {} }, 'it has a key "get /a", did you mean GET /a?'],
  [{ "/a": {}, body: "x" }, 'it has both the route "/a" and body'],
];

for (const [mock, message] of WRONG_MOCKS) {
  Deno.test(`the mock ${Deno.inspect(mock)} is refused: ${message}`, async () => {
    const error = await assertRejects(() => start({ backends: { origin: mock } }), TypeError);
    assertStringIncludes(error.message, 'Cannot use the mock of backend "origin"');
    assertStringIncludes(error.message, message);
    assertEquals(error.message.includes("\n"), false);
  });
}

Deno.test("a mock for an origin is refused with a path", async () => {
  for (const origin of ["https://api.example/v1", "https://"]) {
    const error = await assertRejects(() => start({ backends: { [origin]: {} } }), TypeError);
    assertStringIncludes(error.message, `Cannot use the backend "${origin}": it is no origin`);
  }
  await using host = await start({ backends: { "http://api.example/": { body: "api" } } });
  assertEquals(await (await host.fetch("/dynamic?target=api.example")).text(), "api");
});

const read = new Response("x");
await read.text();
const ANSWERS: [answer: unknown, message: string][] = [
  [undefined, "it answered with undefined, which is neither a Response nor a mock's fields"],
  ["text", 'it answered with "text", which is neither'],
  [{ stauts: 200 }, 'it has a key "stauts", did you mean status?'],
  [read, "it answered with a Response that has been read already: make a new one"],
];

for (const [answer, message] of ANSWERS) {
  Deno.test(`a mock that answers wrongly fails the test: ${message}`, async () => {
    await using host = await start({ backends: { origin: { "/x": () => answer } } });
    const error = await assertRejects(() => host.fetch("/proxy/x"), TypeError);
    assertEquals(
      error.message.startsWith('Cannot use the mock of backend "origin", route "/x": '),
      true,
      error.message,
    );
    assertStringIncludes(error.message, message);
    assertEquals(host.hostLog.map((entry) => entry.message), [error.message]);
  });
}

Deno.test("a mock that throws fails the guest's request, and the log names its backend", async () => {
  const boom = () => {
    throw new Error("boom");
  };
  await using host = await start({ backends: { origin: boom, "http://api.example": boom } });
  assertEquals((await host.fetch("/proxy/x")).status, 502);
  assertEquals((await host.fetch("/dynamic?target=api.example")).status, 502);
  const [one, other] = host.hostLog.map(({ message }) => message);
  assertStringIncludes(one!, 'The handler of backend "origin" failed: Error: boom');
  assertStringIncludes(other!, 'The handler of backend "dynamic" failed: Error: boom');
});

Deno.test("a body whose chunks are no bytes is cut, and not empty", async () => {
  const stream = () =>
    new ReadableStream({
      start(controller) {
        controller.enqueue("text");
        controller.close();
      },
    });
  await using host = await start({
    cache: false,
    backends: { origin: () => new Response(stream()) },
  });
  const response = await host.fetch("/proxy/x");
  await assertRejects(() => response.text());
});

Deno.test("a host that has been disposed of takes no requests", async () => {
  const host = await start({ kv: { a: { k: "v" } } });
  await host.fetch("/hello");
  await host[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  const state = "the host has been disposed of, as at the end of the block of await using";
  assertEquals((await assertRejects(() => host.fetch("/hello"))).message, `Cannot fetch: ${state}`);
  assertEquals((await assertRejects(() => host.reset())).message, `Cannot reset: ${state}`);
  assertEquals(host.hostLog, []);
});

Deno.test("a request waits for a reset, and resets wait for each other", async () => {
  await using host = await start({ kv: { settings: { theme: "dark" } } });
  await host.kv("settings").put("theme", "light");
  const resets = [host.reset(), host.reset()];
  const response = await host.fetch("/kv/get?key=theme");
  assertEquals(await response.text(), "dark");
  await Promise.all(resets);
});

Deno.test("a request with a signal that is aborted rejects with its reason", async () => {
  await using host = await start({});
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  assertEquals(await assertRejects(() => host.fetch("/hello", { signal })), reason);
});

Deno.test("a client, a seed and a duration are checked when they are set", async () => {
  await using host = await start({});
  const wrong = { ip: "localhost" };
  assertStringIncludes(assertThrows(() => host.client(wrong), TypeError).message, '"localhost"');
  await assertRejects(() => host.fetch("/hello", { client: wrong }), TypeError);
  assertStringIncludes(assertThrows(() => host.random(NaN), TypeError).message, "the seed NaN");
  const error = await assertRejects(() => host.advance(NaN), TypeError);
  assertStringIncludes(error.message, "Cannot use the duration NaN: it is neither");
});

Deno.test("fixtures that cannot be read fail the test", async () => {
  const replay = {
    load: () => Promise.reject(new Error("Cannot replay origin.json: it is no list")),
    save: () => Promise.resolve(),
  };
  await using host = await start({ backends: { origin: "http://127.0.0.1:9" }, replay });
  const error = await assertRejects(() => host.fetch("/proxy/x"));
  assertEquals(error.message, "Cannot replay origin.json: it is no list");
  assertThrows(
    () => folderFixtures("fixtures" as unknown as URL),
    TypeError,
    'Cannot use the folder "fixtures": it is no URL, as new URL("./fixtures/", import.meta.url)',
  );
});

Deno.test("a KV store takes no key or value that a guest could not write", async () => {
  await using host = await start({ kv: { a: {} } });
  const store = host.kv("a");
  const refused = async (key: string, value: unknown) =>
    (await assertRejects(() => store.put(key, value as string), TypeError)).message;
  assertEquals(await refused("", "x"), 'Cannot write to a KV store: the key "" is empty');
  assertEquals(
    await refused("k", 3),
    'Cannot use the KV store: the value of "k" is neither a text nor bytes',
  );
  assertEquals(await store.list(), []);
});

Deno.test("a session ignores a cookie without a name", async () => {
  const headers = { "set-cookie": ["=x", "a=1"] };
  await using host = await start({ cache: false, backends: { origin: { headers } } });
  const session = host.session();
  await session.fetch("/proxy/one");
  await session.fetch("/proxy/two");
  assertEquals(host.calls()[1]?.headers.get("cookie"), "a=1");
});
