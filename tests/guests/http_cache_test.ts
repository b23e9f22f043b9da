import type { ServerResponse } from "node:http";
import { Wire } from "../server/wire.ts";
import { assert, assertEquals } from "../assert.ts";
import { exchange, fetchRaw, valuesOf } from "./http.ts";
import { confirming, counting, setUp, told } from "./http_cache.ts";
import { running, serveGuest, testGuest } from "./serving.ts";

/** Guests that cache by themselves, with hooks that the query chooses. */
const NAMES = ["rust", "go-http-cache", "javascript-http-cache"];

for (const name of NAMES) {
  testGuest(
    name,
    "the first request is a miss with both hooks, the next ones are hits without",
    async () => {
      await using stage = await setUp(name, counting());
      const first = await stage.ask("/a?hooks&ttl=60");
      assertEquals(told(first), ["MISS", "answer 1"]);
      assertEquals(valuesOf(first, "x-after-send"), ["1"]);
      stage.now += 59_000;
      const second = await stage.ask("/a?hooks&ttl=60");
      assertEquals(told(second), ["HIT", "answer 1"]);
      assertEquals(valuesOf(second, "x-after-send"), ["1"], "the hook has run once");
      assertEquals(valuesOf(second, "age"), ["59"]);
      stage.now += 1000;
      assertEquals(told(await stage.ask("/a?hooks&ttl=60")), ["MISS", "answer 2"]);
      assertEquals(stage.origin.seen.length, 2);
      assert(/x-before-send/i.test(stage.origin.seen[0]!.headers.join()));
    },
  );

  testGuest(name, "without hooks the origin's word counts", async () => {
    await using stage = await setUp(name, counting({ "cache-control": "max-age=10" }));
    assertEquals(told(await stage.ask("/a")), ["MISS", "answer 1"]);
    stage.now += 9_000;
    assertEquals(told(await stage.ask("/a")), ["HIT", "answer 1"]);
    stage.now += 1_000;
    assertEquals(told(await stage.ask("/a")), ["MISS", "answer 2"]);
  });

  testGuest(name, "50 clients on one slow origin make one request", async () => {
    const arrived = Promise.withResolvers<ServerResponse>();
    let count = 0;
    await using stage = await setUp(name, (_, response) => {
      count++;
      arrived.resolve(response);
    });
    const first = stage.ask("/slow?hooks&ttl=60");
    const slow = await arrived.promise;
    const others = Array.from({ length: 49 }, () => stage.ask("/slow?hooks&ttl=60"));
    // All of them are with the guest by the time that a later one has been answered.
    await fetchRaw(stage.served.port, "/hello");
    slow.end("slow");
    const answers = await Promise.all([first, ...others]);
    assertEquals(new Set(answers.map(({ body }) => body)), new Set(["slow"]));
    assertEquals(count, 1);
  });

  testGuest(name, "the access log tells how the cache has answered", async () => {
    const arrived = Promise.withResolvers<ServerResponse>();
    const answer = counting();
    await using stage = await setUp(name, (request, response) => {
      if (request.url === "/slow") arrived.resolve(response);
      else answer(request, response);
    });
    let lines = 0;
    const used = async (...answers: Promise<unknown>[]) => {
      await Promise.all(answers);
      lines += answers.length;
      return (await stage.served.lined(lines)).slice(-answers.length).map(({ metrics }) =>
        metrics.cache.join()
      )
        .sort();
    };
    const path = "/a?hooks&ttl=10&swr=60";
    assertEquals(await used(stage.ask(path)), ["miss"]);
    assertEquals(await used(stage.ask(path)), ["hit"]);
    stage.now += 10_000;
    assertEquals(await used(stage.ask(path)), ["stale"]);
    const passing = "/b?hooks&uncacheable=record";
    assertEquals(await used(stage.ask(passing)), ["miss"]);
    assertEquals(await used(stage.ask(passing)), ["pass"]);
    const slow = "/slow?hooks&ttl=60";
    const first = stage.ask(slow);
    const response = await arrived.promise;
    await running(stage.served, 1);
    const second = stage.ask(slow);
    await running(stage.served, 2);
    response.end("slow");
    assertEquals(await used(first, second), ["collapsed", "miss"]);
  });

  testGuest(name, "a stale answer is given while one client has it renewed", async () => {
    await using stage = await setUp(name, counting());
    const path = "/a?hooks&ttl=10&swr=60";
    await stage.ask(path);
    stage.now += 10_000;
    assertEquals(told(await stage.ask(path)), ["HIT", "answer 1"]);
    while (stage.origin.seen.length < 2) await new Promise((resolve) => setTimeout(resolve));
    for (;;) {
      const { body } = await stage.ask(path);
      if (body === "answer 2") break;
      assertEquals(body, "answer 1");
    }
    assertEquals(stage.origin.seen.length, 2);
  });

  testGuest(name, "a 304 renews the stored object, and the content stays", async () => {
    const asked: string[] = [];
    await using stage = await setUp(name, confirming(asked));
    const path = "/a?hooks&ttl=10&swr=60";
    await stage.ask(path);
    stage.now += 20_000;
    for (;;) {
      const answer = await stage.ask(path);
      assertEquals(answer.body, "the content");
      if (valuesOf(answer, "x-count")[0] === "2") break;
    }
    assertEquals(asked, ["all", '"v1"']);
    stage.now += 9_000;
    assertEquals(told(await stage.ask(path)), ["HIT", "the content"]);
    assertEquals(asked.length, 2);
  });

  testGuest(name, "a stale answer with a tag is revalidated without a stale window", async () => {
    const asked: string[] = [];
    await using stage = await setUp(name, confirming(asked));
    const path = "/a?hooks&ttl=10";
    assertEquals(told(await stage.ask(path)), ["MISS", "the content"]);
    stage.now += 10_000;
    const answers = [await stage.ask(path), await stage.ask(path)];
    for (const answer of answers) {
      assertEquals(answer.body, "the content");
      assertEquals(valuesOf(answer, "x-count"), ["2"], "the fields of the 304 are there");
    }
    assertEquals(asked, ["all", '"v1"']);
    stage.now += 10_000 + 86_400_000;
    assertEquals((await stage.ask(path)).body, "the content");
    assertEquals(asked, ["all", '"v1"', "all"], "after a day it is gone");
  });

  testGuest(
    name,
    "a request with content is neither answered from the cache nor kept",
    async () => {
      await using stage = await setUp(name, counting());
      const path = "/a"; // Go's SDK refuses hooks where nothing is cacheable

      const send = (method: string, framing: string, content: string) =>
        exchange(
          stage.served.port,
          `${method} /http-cache${path} HTTP/1.1\r\nHost: test.example\r\n${framing}\r\n\r\n${content}`,
        );
      const fat = [
        () => send("GET", "Content-Length: 6", "poison"),
        () => send("GET", "Transfer-Encoding: chunked", "6\r\npoison\r\n0\r\n\r\n"),
        () => send("HEAD", "Content-Length: 6", "poison"),
      ];
      for (const ask of fat) await ask();
      assertEquals(told(await stage.ask(path)), ["MISS", "answer 4"]);
      for (const ask of fat) await ask();
      assertEquals(told(await stage.ask(path)), ["HIT", "answer 4"]);
      assertEquals(stage.origin.seen.length, 7);
    },
  );

  testGuest(
    name,
    "a purge by a surrogate key of the origin or a hook is felt",
    async () => {
      await using stage = await setUp(name, counting({ "surrogate-key": "from-origin" }));
      const purge = (key: string) => fetchRaw(stage.served.port, `/cache/purge?key=${key}`);
      const path = "/a?hooks&ttl=60";
      assertEquals((await stage.ask(path)).body, "answer 1");
      await purge("other");
      assertEquals((await stage.ask(path)).body, "answer 1");
      await purge("from-origin");
      const third = await stage.ask(`${path}&keys=from-hook+second`);
      assertEquals(third.body, "answer 2");
      assertEquals((await stage.ask(`${path}&keys=from-hook+second`)).body, "answer 2");
      await purge("second");
      assertEquals((await stage.ask(`${path}&keys=from-hook+second`)).body, "answer 3");
    },
  );

  testGuest(name, "a soft purge leaves an answer to be given while it is renewed", async () => {
    await using stage = await setUp(name, counting());
    const path = "/a?hooks&ttl=60&swr=60&keys=k";
    assertEquals((await stage.ask(path)).body, "answer 1");
    await fetchRaw(stage.served.port, "/cache/purge?key=k&soft");
    assertEquals(told(await stage.ask(path)), ["HIT", "answer 1"]);
    let body: string;
    do body = (await stage.ask(path)).body; while (body === "answer 1");
    assertEquals([body, stage.origin.seen.length], ["answer 2", 2]);
  });

  testGuest(name, "variants are kept apart by the fields that a hook names", async () => {
    await using stage = await setUp(name, counting());
    const path = "/a?hooks&ttl=60&vary";
    const as = (variant: string) => stage.ask(path, { headers: `X-Variant: ${variant}\r\n` });
    assertEquals((await as("one")).body, "answer 1");
    assertEquals((await as("two")).body, "answer 2");
    assertEquals((await as("one")).body, "answer 1");
    assertEquals((await as("two")).body, "answer 2");
  });

  testGuest(name, "a hook that transforms the content does so once", async () => {
    await using stage = await setUp(name, counting());
    assertEquals(told(await stage.ask("/a?hooks&ttl=60&upper")), ["MISS", "ANSWER 1"]);
    assertEquals(told(await stage.ask("/a?hooks&ttl=60&upper")), ["HIT", "ANSWER 1"]);
  });

  testGuest(
    name,
    "where a hook says uncacheable nothing is kept, and requests pass if it says so",
    async () => {
      await using stage = await setUp(name, counting());
      for (const how of ["once", "record"]) {
        const path = `/${how}?hooks&ttl=60&uncacheable=${how}`;
        const answers = [await stage.ask(path), await stage.ask(path)];
        const hooks = answers.map((answer) => valuesOf(answer, "x-after-send").length);
        assertEquals(hooks, [1, 1], "what passes runs the hooks, too");
        assert(answers[0]!.body !== answers[1]!.body);
      }
    },
  );

  testGuest(name, "clients that pass are not held up by each other", async () => {
    const held: ServerResponse[] = [];
    const both = Promise.withResolvers<void>();
    await using stage = await setUp(name, (_, response) => {
      if (held.push(response) === 3) both.resolve();
      response.setHeader("cache-control", "private");
      if (held.length === 1) response.end("mine");
    });
    assertEquals((await stage.ask("/a?hooks")).body, "mine");
    const others = [stage.ask("/a?hooks"), stage.ask("/a?hooks")];
    await both.promise;
    for (const response of held.slice(1)) response.end("yours");
    assertEquals((await Promise.all(others)).map(({ body }) => body), ["yours", "yours"]);
    assert(stage.origin.seen.every(({ headers }) => /x-before-send/i.test(headers.join())));
    assertEquals(stage.origin.seen.length, 3);
    const part = stage.ask("/a?hooks", { headers: "Range: bytes=0-1\r\n" });
    while (held.length < 4) await new Promise((resolve) => setTimeout(resolve));
    held[3]!.writeHead(206, { "content-range": "bytes 0-1/9" }).end("pa");
    assertEquals([(await part).status, (await part).body], [206, "pa"]);
    assert(/range/i.test(stage.origin.seen[3]!.headers.join()));
  });

  testGuest(name, "ranges and conditions are answered from the cache", async () => {
    await using stage = await setUp(name, (_, response) => {
      response.writeHead(200, { etag: '"v1"', "content-length": 10 }).end("0123456789");
    });
    const path = "/a?hooks&ttl=60";
    const ask = (headers: string) => stage.ask(path, { headers });
    assertEquals((await ask("")).body, "0123456789");
    const part = await ask("Range: bytes=-3\r\n");
    assertEquals([part.status, part.body], [206, "789"]);
    assertEquals(valuesOf(part, "content-range"), ["bytes 7-9/10"]);
    const same = await ask('If-None-Match: W/"v1"\r\n');
    assertEquals([same.status, same.body], [304, ""]);
    const beyond = await ask("Range: bytes=20-\r\n");
    assertEquals([beyond.status, valuesOf(beyond, "content-range")], [416, ["bytes */10"]]);
    assertEquals((await ask('Range: bytes=0-0\r\nIf-Range: "v2"\r\n')).body, "0123456789");
    assertEquals(stage.origin.seen.length, 1);
  });

  testGuest(
    name,
    "a HEAD is answered by the object of a GET, and brings a whole GET",
    async () => {
      await using stage = await setUp(name, (_, response) => {
        response.writeHead(200, { "content-length": 5 }).end("hello");
      });
      const path = "/a?hooks&ttl=60";
      const head = await stage.ask(path, { method: "HEAD" });
      assertEquals([head.status, valuesOf(head, "content-length")], [200, ["5"]]);
      assertEquals(told(await stage.ask(path)), ["HIT", "hello"]);
      assertEquals(valuesOf(await stage.ask(path, { method: "HEAD" }), "x-cache"), ["HIT"]);
      assertEquals(stage.origin.seen.map(({ method }) => method), ["GET"]);
    },
  );

  testGuest(
    name,
    "a second client reads along while the first one's answer is written",
    async () => {
      const arrived = Promise.withResolvers<ServerResponse>();
      await using stage = await setUp(name, (_, response) => {
        response.writeHead(200);
        response.write("first ");
        arrived.resolve(response);
      });
      const request = "GET /http-cache/a?hooks&ttl=60 HTTP/1.1\r\nHost: test.example\r\n\r\n";
      using one = await Wire.open(stage.served.port);
      await one.send(request);
      const origin = await arrived.promise;
      await one.until("first ");
      using two = await Wire.open(stage.served.port);
      await two.send(request);
      await two.until("first ");
      origin.end("second");
      await one.until("second");
      await two.until("second");
      assertEquals(stage.origin.seen.length, 1);
    },
  );

  testGuest(name, "an origin that breaks off leaves nothing behind", async () => {
    let count = 0;
    await using stage = await setUp(name, (_, response) => {
      if (count++) return void response.end("whole");
      response.writeHead(200);
      response.write("half");
      response.socket!.destroySoon();
    });
    const broken = await stage.ask("/a?hooks&ttl=60").catch(() => undefined);
    assert(!broken?.whole);
    assertEquals((await stage.ask("/a?hooks&ttl=60")).body, "whole");
  });

  testGuest(name, "without a cache the hooks run for every request", async () => {
    await using stage = await setUp(name, counting(), { cache: false });
    for (const count of [1, 2]) {
      const answer = await stage.ask("/a?hooks&ttl=60&upper");
      assertEquals(told(answer), ["MISS", `ANSWER ${count}`]);
      assertEquals(valuesOf(answer, "x-after-send"), ["1"]);
    }
  });

  testGuest(
    name,
    "requests to a backend that there is none of fail as without a cache",
    async () => {
      await using served = await serveGuest(name);
      const { status, body } = await fetchRaw(served.port, "/http-cache/a?hooks");
      assertEquals(status, 502, body);
    },
  );
}

testGuest("go-http-cache", "a vary rule with commas comes back as it was given", async () => {
  await using stage = await setUp("go-http-cache", counting());
  const path = "/a?hooks&ttl=60&vary=accept,user-agent";
  const as = (agent: string) => stage.ask(path, { headers: `User-Agent: ${agent}\r\n` });
  const answers = [await as("one"), await as("one"), await as("two")];
  assertEquals(answers.map(({ body }) => body), ["answer 1", "answer 1", "answer 2"]);
  for (const answer of answers) {
    assertEquals(valuesOf(answer, "x-vary-rule"), ["accept,user-agent"]);
  }
});

testGuest("rust", "a key of the guest's own is one for several URLs", async () => {
  await using stage = await setUp("rust", counting());
  assertEquals((await stage.ask("/a?hooks&ttl=60&key=k")).body, "answer 1");
  assertEquals((await stage.ask("/b?hooks&ttl=60&key=k")).body, "answer 1");
  assertEquals((await stage.ask("/b?hooks&ttl=60")).body, "answer 2");
});

testGuest(
  "rust",
  "a lookup that waits longer than its timeout fails, and the leader goes on",
  async () => {
    const arrived = Promise.withResolvers<ServerResponse>();
    await using stage = await setUp("rust", (_, response) => arrived.resolve(response));
    const leader = stage.ask("/a?hooks&ttl=60");
    const slow = await arrived.promise;
    const late = await stage.ask("/a?hooks&ttl=60&lookup-timeout=20");
    assertEquals(late.status, 502);
    slow.end("slow");
    assertEquals((await leader).body, "slow");
    assertEquals((await stage.ask("/a?hooks&ttl=60")).body, "slow");
  },
);

testGuest("rust", "an image comes as it is where the service has no image optimizer", async () => {
  await using stage = await setUp("rust", counting());
  const image = await stage.ask("/a?image");
  assertEquals(image.body, "answer 1");
  assertEquals(valuesOf(image, "fastly-io-error").length, 1);
});

testGuest(
  "rust",
  "a miss of a range fetches the whole object, and answers with the part",
  async () => {
    await using stage = await setUp("rust", (_, response) => {
      response.writeHead(200, { "content-length": 10 }).end("0123456789");
    });
    const part = await stage.ask("/a?hooks&ttl=60", { headers: "Range: bytes=1-2\r\n" });
    assertEquals([part.status, part.body], [206, "12"]);
    assert(!/range/i.test(stage.origin.seen[0]!.headers.join()));
    assertEquals(told(await stage.ask("/a?hooks&ttl=60")), ["HIT", "0123456789"]);
  },
);

testGuest(
  "rust",
  "the response of a request to which a hook has added content is not stored",
  async () => {
    await using stage = await setUp("rust", counting());
    const path = "/a?hooks&ttl=60";
    assertEquals((await stage.ask(`${path}&content`)).body, "answer 1");
    assertEquals(told(await stage.ask(path)), ["MISS", "answer 2"]);
    assertEquals(stage.origin.seen.map(({ body }) => body), ["content", ""]);
    assertEquals(told(await stage.ask(path)), ["HIT", "answer 2"]);
  },
);

testGuest("rust", "a HEAD that a hook has made is no answer to a GET", async () => {
  await using stage = await setUp("rust", counting());
  await stage.ask("/a?hooks&ttl=60&head");
  assertEquals(told(await stage.ask("/a?hooks&ttl=60")), ["MISS", "answer 2"]);
  assertEquals(stage.origin.seen.map(({ method }) => method), ["HEAD", "GET"]);
});
