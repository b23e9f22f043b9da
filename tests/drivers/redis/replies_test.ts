import { openRedis, type RedisStorage } from "../../../drivers/redis.ts";
import { collect } from "../../../service/http/bytes.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const list = (...parts: readonly string[]) => `*${parts.length}\r\n${parts.join("")}`;
const OK = "+OK\r\n";
const NOTHING = "$-1\r\n";

/** A server that speaks the protocol, and answers what a test says. */
async function withServer(
  run: (storage: RedisStorage, answer: (reply: string) => void, told: string[]) => Promise<void>,
  first: Readonly<Record<string, string>> = {},
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let said: string | undefined;
  const usual: Readonly<Record<string, string>> = {
    EXISTS: ":0\r\n",
    TIME: list(bulk(`${Math.floor(Date.now() / 1000)}`), bulk("0")),
    INFO: bulk("maxmemory_policy:noeviction"),
    EVALSHA: list(bulk("1"), list()),
    ...first,
  };
  const serve = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(65536);
    for (let length; (length = await connection.read(buffer)) !== null;) {
      const text = new TextDecoder("latin1").decode(buffer.subarray(0, length));
      // Each command is a list: its first word follows the list's length and its own.
      const words = [...text.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)].map(([, word]) => word!);
      const replies = words.map((word) =>
        word === "CLIENT" || word === "HELLO" ? OK : said ?? usual[word.toUpperCase()] ?? OK
      );
      await connection.write(new TextEncoder().encode(replies.join("")));
    }
  };
  const served = (async () => {
    for await (const connection of listener) serve(connection).catch(() => {});
  })().catch(() => {});
  const told: string[] = [];
  const log = (_level: string, message: string) => void told.push(message);
  {
    using storage = await openRedis(`redis://127.0.0.1:${listener.addr.port}`, {
      log,
      timeout: 60_000,
    });
    await run(storage, (reply) => said = reply, told);
  }
  listener.close();
  await served;
}

const NOW = 1_700_000_000_000;
const RECORD = { value: [], metadata: "", generation: 1n, expires: undefined };
const OBJECT = {
  place: "place",
  key: "key",
  head: "head",
  length: 1,
  hits: 0,
  purged: false,
  freshFor: 1000,
  keepFor: 1000,
  number: undefined,
  surrogateKeys: new Set<string>(),
};

/** Calls of the drivers, with replies that each can have; it fails with all others. */
const CALLS: readonly (readonly [
  name: string,
  call: (storage: RedisStorage) => unknown,
  possible: readonly string[],
])[] = [
  ["kv get", (s) => s.kvDriver("store").get("key"), ["seven nothings"]],
  ["kv set", (s) => s.kvDriver("store").set("key", RECORD, "any"), [
    "a number",
    "a text of digits",
  ]],
  ["kv delete", (s) => s.kvDriver("store").delete("key", 1n), ["a number", "a text of digits"]],
  ["kv list", (s) => s.kvDriver("store").list("", undefined, 10), ["no list items"]],
  ["kv sweep", (s) => s.kvDriver("store").sweep!(NOW, 10), ["a number", "a text of digits"]],
  ["cache load", (s) => s.cacheDriver.load(), ["no list items"]],
  ["cache put", (s) => s.cacheDriver.put(OBJECT, undefined, []), ["a text of digits"]],
  ["cache has", (s) => s.cacheDriver.has(1), ["a number", "a text of digits"]],
  ["cache read", (s) => s.cacheDriver.read(1, 0), ["nothing", "a text", "a text of digits"]],
  ["cache find", (s) => s.cacheDriver.shared!.find("key"), []],
  ["cache purge", (s) => s.cacheDriver.purge("key", false), ["no list items"]],
  ["purge", (s) => s.purgeFeed.publish({ surrogateKey: "key", soft: false }), []],
];

const REPLIES: Readonly<Record<string, string>> = {
  "a number": ":7\r\n",
  "a text": bulk("abc"),
  "a text of digits": bulk("7"),
  "nothing": NOTHING,
  "no list items": list(),
  "one number": list(":1\r\n"),
  "one text": list(bulk("abc")),
  "seven nothings": list(...Array(7).fill(NOTHING)),
  "seven texts": list(...Array(7).fill(bulk("abc"))),
  "lists": list(list(), list(), list()),
};

Deno.test("a call of a driver fails with what the store has replied, if the call cannot have that", async () => {
  await withServer(async (storage, answer) => {
    for (const [name, call, possible] of CALLS) {
      for (const [what, reply] of Object.entries(REPLIES)) {
        answer(reply);
        if (possible.includes(what)) {
          await call(storage);
          continue;
        }
        const error = await Promise.resolve(call(storage)).then(
          () => `${name}: ${what} is accepted`,
          (error) => error,
        );
        assertMatch(
          error.message ?? error,
          /^Cannot .+: the store redis:\/\/127\.0\.0\.1:\d+ fails: it replied with .+ where .+ is expected\. Check that it is Redis or Valkey, and that nothing else writes under the same prefix$/,
          `${name}: ${what}`,
        );
      }
    }
  });
});

Deno.test("a reply that no call can have is logged once, also where the host counts alone", async () => {
  await withServer(async (storage, answer, told) => {
    answer(bulk("abc"));
    const { steps } = storage.rateDriver("counters");
    const increment = { delta: 1, window: 10 };
    assertEquals(await steps!.add("key", NOW, increment), 1);
    assertEquals(await steps!.add("key", NOW, increment), 2);
    assertEquals(told.length, 1, told.join("\n"));
    assertMatch(
      told[0]!,
      /^Cannot write a rate counter: the store .+ replied with "abc" where a number is/,
    );
  });
});

Deno.test("an error of the store is logged once for a connection, and fails each call", async () => {
  await withServer(async (storage, answer, told) => {
    answer("-WRONGTYPE Operation against a key\r\n");
    const driver = storage.kvDriver("store");
    for (let i = 0; i < 3; i++) {
      await assertRejects(async () => await driver.get("key"), Error, "WRONGTYPE Operation");
    }
    assertEquals(told.length, 1, told.join("\n"));
    assertMatch(told[0]!, /^Cannot read KV store "store": the store .+ fails: WRONGTYPE/);
  });
});

Deno.test("a record without a value of more pieces is read as it is", async () => {
  await withServer(async (storage, answer) => {
    answer(list(...["12", "", "meta", "value", "", "0", "0"].map(bulk)));
    const found = (await storage.kvDriver("store").get("key"))!;
    assertEquals([found.generation, found.expires, found.metadata], [12n, undefined, "meta"]);
    const value = found.value instanceof Uint8Array ? found.value : await collect(found.value);
    assertEquals(new TextDecoder().decode(value), "value");
  });
});

Deno.test("a store whose user may not see its settings is opened without a word", async () => {
  const refused = { INFO: "-NOPERM User has no permissions to run the 'info' command\r\n" };
  await withServer((_storage, _answer, told) => {
    assertEquals(told, []);
    return Promise.resolve();
  }, refused);
});
