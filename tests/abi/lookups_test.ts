import type { ServiceOptions } from "../../service/options.ts";
import { assert, assertEquals } from "../assert.ts";
import { bench, BUF, OUT, UNTOUCHED, XqdStatus } from "./_bench.ts";

const { ok, error, inval, badf, buflen, none } = XqdStatus;

for (const module of ["fastly_config_store", "fastly_dictionary"]) {
  const configStores = {
    mine: { key: "välue", empty: "", ["k".repeat(255)]: "\u20ac".repeat(8000) },
  };

  Deno.test(`${module} gives values whole, the empty one too`, async () => {
    using b = bench({ configStores });
    const store = await b.got(module, "open", "mine");
    assertEquals(await b.read(module, "get", [store, "key"]), {
      status: ok,
      text: "välue",
      length: 6,
    });
    assertEquals(await b.read(module, "get", [store, "empty"]), {
      status: ok,
      text: "",
      length: 0,
    });
    const long = await b.read(module, "get", [store, "k".repeat(255)], 12_000);
    assertEquals([long.status, long.length], [buflen, 24_000]);
  });

  Deno.test(`${module} tells absent keys from absent stores`, async () => {
    using b = bench({ configStores });
    const store = await b.got(module, "open", "mine");
    const absent = { status: none, text: "", length: UNTOUCHED };
    for (const key of ["other", "", "__proto__", "constructor"]) {
      assertEquals(await b.read(module, "get", [store, key]), absent);
    }
    b.memory.setU32(OUT, UNTOUCHED);
    for (const name of ["other", "", "__proto__"]) {
      assertEquals(b.now(module, "open", name, OUT), badf);
    }
    assertEquals(b.memory.u32(OUT), UNTOUCHED);
    assertEquals((await b.read(module, "get", [0, "key"])).status, badf);
    assertEquals((await b.read(module, "get", [await b.body(), "key"])).status, badf);
    assertEquals((await b.read(module, "get", [store, Uint8Array.of(0xc3)])).status, inval);
  });

  Deno.test(`${module} tells the room that a value needs, in bytes`, async () => {
    using b = bench({ configStores });
    const store = await b.got(module, "open", "mine");
    assertEquals(await b.read(module, "get", [store, "key"], 5), {
      status: buflen,
      text: "",
      length: 6,
    });
  });
}

Deno.test("config stores and dictionaries share their handles", async () => {
  using b = bench({ configStores: { mine: { key: "1" } } });
  const store = await b.got("fastly_dictionary", "open", "mine");
  assertEquals((await b.read("fastly_config_store", "get", [store, "key"])).text, "1");
});

Deno.test("geo knows loopback addresses when nothing is configured, and no others", async () => {
  using b = bench();
  const lookup = (octets: number[]) => b.read("fastly_geo", "lookup", [Uint8Array.from(octets)]);
  for (const octets of [[127, 0, 0, 1], [...Array(15).fill(0), 1]]) {
    const record = JSON.parse((await lookup(octets)).text);
    assertEquals([record.as_name, record.as_number, record.city], [
      "Fastly, Inc",
      54113,
      "San Francisco",
    ]);
  }
  assertEquals(await lookup([192, 0, 2, 1]), { status: ok, text: "", length: 0 });
});

Deno.test("geo asks the option by canonical text", async () => {
  const asked: string[] = [];
  using b = bench({ geo: (ip) => (asked.push(ip), { city: "Köln" }) });
  const { text } = await b.read("fastly_geo", "lookup", [Uint8Array.of(203, 0, 113, 9)]);
  assertEquals(text, '{"city":"Köln"}');
  const v6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10);
  assertEquals((await b.read("fastly_geo", "lookup", [v6], 10)).length, text.length + 1);
  assertEquals(asked, ["203.0.113.9", "2001:db8::a"]);
});

Deno.test("geo refuses addresses of other lengths", async () => {
  using b = bench();
  for (const length of [0, 3, 5, 15, 17]) {
    const { status, length: written } = await b.read("fastly_geo", "lookup", [
      new Uint8Array(length),
    ]);
    assertEquals([status, written], [inval, UNTOUCHED]);
  }
});

function parse(b: ReturnType<typeof bench>, agent: string, room = 16) {
  const outs = [0, 1, 2, 3].flatMap((i) => [BUF + 64 * i, room, OUT + 4 * i]);
  const status = b.now("fastly_uap", "parse", agent, ...outs);
  const lengths = [0, 1, 2, 3].map((i) => b.memory.u32(OUT + 4 * i));
  const parts = status === ok ? lengths.map((length, i) => b.text(BUF + 64 * i, length)) : [];
  return { status, parts, lengths };
}

Deno.test("uap takes a User-Agent field apart; unknown parts are empty", () => {
  using b = bench();
  const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.3.4";
  assertEquals(parse(b, firefox).parts, ["Firefox", "102", "3", "4"]);
  assertEquals(parse(b, "").parts, ["", "", "", ""]);
  assertEquals(parse(b, "nonsense").status, ok);
});

Deno.test("uap uses the option's parser, and returns the length of a text that does not fit", () => {
  using b = bench({
    userAgentParser: (agent) => ({ family: agent, major: "1", minor: "2", patch: "3" }),
  });
  assertEquals(parse(b, "abc").parts, ["abc", "1", "2", "3"]);
  const short = parse(b, "abcd", 3);
  assertEquals([short.status, short.lengths[0]], [buflen, 4]);
});

Deno.test("uap tells of every part that does not fit how much room it needs", () => {
  using b = bench({
    userAgentParser: () => ({ family: "abcd", major: "1", minor: "22222", patch: "333" }),
  });
  const short = parse(b, "", 3);
  assertEquals([short.status, short.lengths], [buflen, [4, 1, 5, 3]]);
  assertEquals(parse(b, "", 5).parts, ["abcd", "1", "22222", "333"]);
});

const RUNTIME = "fastly_compute_runtime";

for (const name of ["hostname", "service_version", "trace_id"]) {
  Deno.test(`get_${name} is the variable of the environment`, async () => {
    using b = bench({ env: { [`FASTLY_${name.toUpperCase()}`]: "mine" } });
    assertEquals((await b.read(RUNTIME, `get_${name}`, [])).text, "mine");
  });
}

Deno.test("the sandbox has an id, which is the trace id", async () => {
  using b = bench();
  for (const name of ["get_sandbox_id", "get_trace_id"]) {
    const { status, text } = await b.read(RUNTIME, name, []);
    assertEquals([status, text], [ok, b.sandbox.id]);
  }
});

Deno.test("neither sleeping nor waiting for a backend is processor time", async () => {
  const origin = Promise.withResolvers<Response>();
  using b = bench({ backends: { origin: () => origin.promise } });
  const used = () => {
    assertEquals(b.now(RUNTIME, "get_vcpu_ms", OUT), ok);
    return b.memory.u64(OUT);
  };
  const before = used();
  b.memory.setU32(BUF + 16, 1);
  b.memory.setU64(BUF + 24, 150_000_000n);
  assertEquals(await b.call("wasi_snapshot_preview1", "poll_oneoff", BUF, 0x2000, 1, OUT), 0);
  assert(used() - before < 100n, "150 ms of sleep");
  const sent = b.call(
    "fastly_http_req",
    "send",
    await b.request(),
    await b.body(),
    "origin",
    OUT,
    OUT + 4,
  );
  setTimeout(() => origin.resolve(new Response("late")), 150);
  assertEquals(await sent, ok);
  assert(used() - before < 200n, "150 ms for the backend");
});

Deno.test("the processor time moves while the guest runs, and not while it waits", async () => {
  using b = bench();
  const used = () => {
    assertEquals(b.now(RUNTIME, "get_vcpu_ms", OUT), ok);
    return b.memory.u64(OUT);
  };
  const before = used();
  while (used() < before + 5n);
  const busy = used();
  assertEquals(await b.call("fastly_async_io", "select", BUF, 0, 60, OUT), ok);
  assert(used() - busy < 50n, "60 ms of waiting do not count");
});

Deno.test("the heap is counted in whole mebibytes", async () => {
  using b = bench();
  assertEquals(await b.got(RUNTIME, "get_heap_mib"), 1);
});

Deno.test("a service has the products that its options name, and the image optimizer that it has", async () => {
  const answers = async (options: ServiceOptions) => {
    using b = bench(options);
    const told = [];
    for (const product of ["domain_inspector", "image_optimizer", "origin_inspector"]) {
      told.push(await b.got(RUNTIME, `has_${product}`));
    }
    return told;
  };
  const imageOptimizer = () => new Response();
  assertEquals(await answers({}), [0, 0, 0]);
  assertEquals(await answers({ imageOptimizer }), [0, 1, 0]);
  assertEquals(await answers({ imageOptimizer, products: { imageOptimizer: false } }), [0, 0, 0]);
  assertEquals(await answers({ products: { domainInspector: true } }), [1, 0, 0]);
  assertEquals(await answers({ products: { originInspector: true, imageOptimizer: true } }), [
    0,
    1,
    1,
  ]);
});

for (const module of ["fastly_abi", "fastly"]) {
  Deno.test(`${module}.init takes version 1 only`, () => {
    using b = bench();
    assertEquals(b.now(module, "init", 1n), ok);
    for (const version of [0n, 2n, -1n, 1n << 32n]) {
      assertEquals(b.now(module, "init", version), error);
    }
  });
}
