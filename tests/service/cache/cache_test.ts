import { Cache } from "../../../service/cache/cache.ts";
import { ageAfter, type Lifetime, phaseAt } from "../../../service/cache/lifetime.ts";
import { parseSurrogateKeys } from "../../../service/cache/surrogate_keys.ts";
import { parseVaryRule, variantOf } from "../../../service/cache/vary.ts";
import { collect } from "../../../service/http/bytes.ts";
import { HostError } from "../../../service/errors.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "../../assert.ts";
import * as fc from "../../properties.ts";
import { cacheOf, foundOf, NONE, outcomeOf, SECOND, store, written } from "./_cache.ts";

const duration = fc.oneof(fc.bigInt(0n, 100n * SECOND), fc.bigInt(0n, 2n ** 64n - 1n));
const lifetime = fc.record<Lifetime>({
  initialAge: duration,
  maxAge: duration,
  staleWhileRevalidate: duration,
  staleIfError: duration,
});
const milliseconds = fc.integer({ min: -1000, max: 200_000 });
const ORDER = ["fresh", "stale", "if-error", "expired"];

Deno.test("objects only grow older, and never come back to an earlier phase", () => {
  fc.assert(
    fc.property(lifetime, milliseconds, fc.nat(), fc.boolean(), (life, at, more, purged) => {
      const age = ageAfter(life, at);
      const later = ageAfter(life, at + more);
      assert(life.initialAge <= age && age <= later);
      const phase = ORDER.indexOf(phaseAt(life, age, purged));
      assert(phase <= ORDER.indexOf(phaseAt(life, later, purged)));
      assert(ORDER.indexOf(phaseAt(life, age)) <= phase, "a purge refreshes nothing");
    }),
  );
});

Deno.test("phases begin at the very nanosecond", () => {
  const life = { initialAge: 0n, maxAge: 10n, staleWhileRevalidate: 5n, staleIfError: 20n };
  const phases = [9n, 10n, 14n, 15n, 29n, 30n].map((age) => phaseAt(life, age));
  assertEquals(phases, ["fresh", "stale", "stale", "if-error", "if-error", "expired"]);
  assertEquals(phaseAt(life, 0n, true), "stale");
  assertEquals(ageAfter({ ...life, initialAge: 7n }, 3.9), 3_000_007n);
});

const name = fc.constantFrom("a", "B", "c", "x-y");
const value = fc.string({ maxLength: 3 });
const fields = fc.array(fc.tuple(name, value), { maxLength: 6 });

Deno.test("a variant is the values of the rule's fields, in order, and nothing else", () => {
  fc.assert(fc.property(fields, fields, fc.array(name), (one, other, names) => {
    const rule = parseVaryRule(names.join(" "));
    const values = (all: typeof one) =>
      rule.map((name) =>
        all.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value)
      );
    const same = variantOf(rule, new HeaderList(one.flat())) ===
      variantOf(rule, new HeaderList(other.flat()));
    assertEquals(same, JSON.stringify(values(one)) === JSON.stringify(values(other)));
  }));
});

Deno.test("a vary rule is a set of names", () => {
  assertEquals(parseVaryRule("B  a b A"), ["a", "b"]);
  assertEquals(parseVaryRule("Accept,user-agent , b"), ["accept", "b", "user-agent"]);
  assertEquals(parseVaryRule(""), []);
  assertThrows(() => parseVaryRule("a:b"));
});

Deno.test("surrogate keys are graphic ASCII, up to a length", () => {
  assertEquals([...parseSurrogateKeys(" a  b a ")], ["a", "b"]);
  assertEquals(parseSurrogateKeys("k".repeat(1024)).size, 1);
  for (const bad of ["k".repeat(1025), "a\tb", "\xe4", "k ".repeat(8193)]) {
    assertThrows(() => parseSurrogateKeys(bad), Error, "Cannot use");
  }
});

Deno.test("an object is fresh, then stale for a while, then gone", () => {
  const { cache, pass } = cacheOf();
  store(cache, "k", "1", { maxAge: 10, swr: 5, age: 2 });
  const phase = () => foundOf(cache.lookup("k", NONE))?.phase;
  assertEquals(phase(), "fresh");
  pass(7.999);
  assertEquals([phase(), foundOf(cache.lookup("k", NONE))?.object.age], ["fresh", 9_999_000_000n]);
  pass(0.001);
  assertEquals(phase(), "stale");
  pass(5);
  assertEquals(phase(), undefined);
});

Deno.test("a clock that advances between two checks leaves no lookup without a result", () => {
  let now = 0;
  const cache = new Cache(1 << 20, () => now += 0.7);
  for (let round = 0; round < 50; round++) {
    const { found, obligation } = outcomeOf(cache.transaction("k", NONE));
    assert(found || obligation);
    obligation?.insert({
      ...written(),
      lifetime: { initialAge: 0n, maxAge: 3_000_000n, staleWhileRevalidate: 0n, staleIfError: 0n },
    });
  }
});

Deno.test("hits are counted, and the count of a lookup is that of its time", () => {
  const { cache } = cacheOf();
  store(cache, "k", "1");
  const first = foundOf(cache.lookup("k", NONE));
  const second = outcomeOf(cache.transaction("k", NONE)).found;
  assertEquals([first?.hits, second?.hits, first?.object.hits], [1, 2, 2]);
});

Deno.test("of the rules that match, the one of the newest object is taken, and older ones still count", () => {
  const { cache } = cacheOf();
  const german = new HeaderList(["Accept-Language", "de"]);
  const zipped = new HeaderList(["Accept-Encoding", "gzip"]);
  const text = async (headers: HeaderList) => {
    const found = foundOf(cache.lookup("k", headers));
    return found && new TextDecoder().decode(await collect(found.object.content.read()));
  };
  return (async () => {
    store(cache, "k", "german", { vary: "accept-language" }, german);
    store(cache, "k", "zipped", { vary: "accept-encoding" }, zipped);
    assertEquals([await text(german), await text(zipped)], ["german", "zipped"]);
    assertEquals(await text(NONE), undefined);
    const both = new HeaderList(["accept-language", "de", "accept-encoding", "gzip"]);
    assertEquals(await text(both), "zipped");
    store(cache, "k", "deutsch", { vary: "Accept-Language" }, german);
    assertEquals([await text(both), await text(german)], ["deutsch", "deutsch"]);
    store(cache, "k", "any");
    assertEquals([await text(both), await text(NONE)], ["any", "any"]);
  })();
});

Deno.test("fifty ask at once, and one has the obligation", () => {
  const { cache } = cacheOf();
  const asked = Array.from({ length: 50 }, () => cache.transaction("k", NONE));
  assertEquals(asked.filter(({ ready }) => ready).length, 1);
  const { found, obligation } = outcomeOf(asked[0]!);
  assertEquals([found, obligation?.open], [undefined, true]);
  const inserted = obligation!.insert(written());
  assert(asked.every(({ ready }) => ready), "nobody waits for the end of the content");
  for (const pending of asked.slice(1)) {
    const { found, obligation } = outcomeOf(pending);
    assertStrictEquals(found?.object, inserted.found.object);
    assertEquals([found?.phase, found?.length, obligation], ["fresh", undefined, undefined]);
  }
  assertThrows(() => obligation!.insert(written()), Error, "no obligation");
});

Deno.test("an obligation that is given up goes to the first lookup that waits", () => {
  const { cache } = cacheOf();
  const [first, second, third, fourth] = Array.from(
    { length: 4 },
    () => cache.transaction("k", NONE),
  );
  second!.cancel();
  outcomeOf(first!).obligation!.cancel();
  assertEquals([third!.ready, fourth!.ready], [true, false]);
  // The obligation was not taken, but it is passed on all the same.
  third!.cancel();
  outcomeOf(fourth!).obligation!.cancel();
  assertEquals(outcomeOf(cache.transaction("k", NONE)).found, undefined);
});

Deno.test("stale objects are renewed by one, and used by the others meanwhile", () => {
  const { cache, pass } = cacheOf();
  store(cache, "k", "1", { maxAge: 10, swr: 10 });
  pass(11);
  const first = outcomeOf(cache.transaction("k", NONE));
  const second = outcomeOf(cache.transaction("k", NONE));
  assertEquals([first.found?.phase, second.found?.phase], ["stale", "stale"]);
  assertEquals([first.obligation?.open, second.obligation], [true, undefined]);
  first.obligation!.update(written({ maxAge: 20 }));
  const third = outcomeOf(cache.transaction("k", NONE));
  assertEquals([third.found?.phase, third.found?.length, third.obligation], [
    "fresh",
    1,
    undefined,
  ]);
  assertEquals(third.found?.object.age, 0n);
});

Deno.test("nothing can be updated that was not found, and the obligation stays", () => {
  const { cache } = cacheOf();
  const { obligation } = outcomeOf(cache.transaction("k", NONE));
  assertThrows(() => obligation!.update(written()), Error, "none was found");
  assertEquals(obligation!.open, true);
});

Deno.test("lookups that wait use the newest vary rule alone", () => {
  const { cache, pass } = cacheOf();
  store(cache, "k", "1", { maxAge: 1 });
  pass(1);
  store(cache, "k", "2", { maxAge: 1, vary: "a" }, new HeaderList(["a", "0"]));
  pass(1);
  const asked = ["1", "2", "2"].map((a) => cache.transaction("k", new HeaderList(["a", a])));
  assertEquals(asked.map(({ ready }) => ready), [true, true, false]);
});

Deno.test("a lookup that waits takes another's object when its own holder gives up", () => {
  const { cache, pass } = cacheOf();
  store(cache, "k", "1", { maxAge: 1, vary: "a" }, new HeaderList(["a", "0"]));
  pass(1);
  const [one, other] = ["1", "2"].map((a) => {
    return outcomeOf(cache.transaction("k", new HeaderList(["a", a])));
  });
  const waiting = cache.transaction("k", new HeaderList(["a", "2"]));
  assertEquals(waiting.ready, false);
  one!.obligation!.insert(written());
  other!.obligation!.cancel();
  const { found, obligation } = outcomeOf(waiting);
  assertEquals([found?.phase, obligation], ["fresh", undefined]);
});

Deno.test("an object kept for errors answers lookups that wait, when the holder of the obligation says so", () => {
  const { cache, pass } = cacheOf();
  store(cache, "k", "1", { maxAge: 10, sie: 60 });
  pass(11);
  assertEquals(foundOf(cache.lookup("k", NONE)), undefined);
  const holder = outcomeOf(cache.transaction("k", NONE));
  assertEquals([holder.found?.phase, holder.obligation?.open], ["if-error", true]);
  const waiting = cache.transaction("k", NONE);
  assertEquals(waiting.ready, false);
  holder.obligation!.useStale();
  const { found, obligation } = outcomeOf(waiting);
  assertEquals([found?.phase, obligation], ["if-error", undefined]);
  assertEquals(outcomeOf(cache.transaction("k", NONE)).obligation?.open, true);
});

Deno.test("lookups that wait for an object that will not be stored are all released at once", () => {
  const { cache } = cacheOf();
  const holder = outcomeOf(cache.transaction("k", NONE)).obligation!;
  assertEquals(holder.awaited, false);
  const waiting = Array.from({ length: 3 }, () => cache.transaction("k", NONE));
  assertEquals(holder.awaited, true);
  holder.release();
  const nothing = { found: undefined, obligation: undefined };
  assertEquals(waiting.map(outcomeOf), [nothing, nothing, nothing]);
  assertThrows(() => holder.release(), HostError);
  assert(outcomeOf(cache.transaction("k", NONE)).obligation, "the next one may try again");
});

Deno.test("a lookup for another variant goes on waiting when one is released", () => {
  const { cache } = cacheOf();
  const headers = (a: string) => new HeaderList(["a", a]);
  store(cache, "k", "", { maxAge: 0, vary: "a" });
  const one = outcomeOf(cache.transaction("k", headers("1"))).obligation!;
  const two = outcomeOf(cache.transaction("k", headers("2"))).obligation!;
  const waiting = cache.transaction("k", headers("2"));
  one.release();
  assertEquals(waiting.ready, false);
  two.release();
  assertEquals(outcomeOf(waiting).obligation, undefined);
});

Deno.test("an object may be dropped by its writer, and its readers read on", () => {
  const { cache } = cacheOf();
  const { content, found } = cache.insert("k", NONE, written());
  content.write(new Uint8Array(3));
  content.drop();
  content.drop();
  assertEquals([foundOf(cache.lookup("k", NONE)), cache.bytes], [undefined, 0]);
  content.write(new Uint8Array(4));
  content.finish();
  assertEquals([found.object.content.complete, content.length], [true, 7]);
  store(cache, "k", "other");
  content.drop();
  assert(foundOf(cache.lookup("k", NONE)), "the object of somebody else stays");
});

Deno.test("a purge hits single variants; a soft one leaves them stale", () => {
  const { cache } = cacheOf();
  const [one, two] = ["1", "2"].map((a) => new HeaderList(["a", a]));
  store(cache, "k", "1", { vary: "a", keys: ["x", "one"] }, one);
  store(cache, "k", "2", { vary: "a", keys: ["x", "two"] }, two);
  assertEquals(cache.purge("one", false), 1);
  assertEquals([foundOf(cache.lookup("k", one!))?.phase, foundOf(cache.lookup("k", two!))?.phase], [
    undefined,
    "fresh",
  ]);
  assertEquals(cache.purge("x", true), 1);
  assertEquals(foundOf(cache.lookup("k", two!))?.phase, "stale");
  assertEquals([cache.purge("one", false), cache.purge("none", true)], [0, 0]);
});

Deno.test("a purge takes no obligation away", () => {
  const { cache, pass } = cacheOf();
  store(cache, "k", "1", { maxAge: 10, swr: 10, keys: ["x"] });
  pass(10);
  const { obligation } = outcomeOf(cache.transaction("k", NONE));
  cache.purge("x", false);
  assertEquals(cache.transaction("k", NONE).ready, false);
  obligation!.insert(written());
  assertEquals(foundOf(cache.lookup("k", NONE))?.phase, "fresh");
});

Deno.test("a replacement does not wait, takes the obligation, or waits, by its option", () => {
  const { cache } = cacheOf();
  store(cache, "k", "1");
  const immediate = outcomeOf(cache.replace("k", NONE, "immediate"));
  assertEquals([immediate.found?.length, immediate.obligation], [1, undefined]);
  assertEquals(outcomeOf(cache.replace("none", NONE, "immediate")).found, undefined);

  const forced = outcomeOf(cache.replace("k", NONE, "immediate-force-miss"));
  assertEquals([forced.found?.length, foundOf(cache.lookup("k", NONE))], [1, undefined]);
  const reader = cache.transaction("k", NONE);
  const next = cache.replace("k", NONE, "wait");
  assertEquals([reader.ready, next.ready], [false, false]);
  const { found } = forced.obligation!.insert(written());
  assertStrictEquals(outcomeOf(reader).found?.object, found.object);
  const taken = outcomeOf(next);
  assertStrictEquals(taken.found?.object, found.object);
  assertEquals(cache.replace("k", NONE, "wait").ready, false);
  assertEquals(foundOf(cache.lookup("k", NONE))?.phase, "fresh");
  taken.obligation!.cancel();
});

Deno.test("the least recently used objects leave when the bound is met", () => {
  const { cache } = cacheOf(10_000);
  for (const key of ["a", "b", "c"]) store(cache, key, "x".repeat(2000));
  foundOf(cache.lookup("a", NONE));
  store(cache, "d", "x".repeat(3000));
  const kept = ["a", "b", "c", "d"].filter((key) => foundOf(cache.lookup(key, NONE)));
  assertEquals(kept, ["a", "c", "d"]);
});

Deno.test("objects leave at the bound in the order of a list of uses", () => {
  const size = (() => {
    const { cache } = cacheOf();
    store(cache, "0", "x".repeat(1000), { keys: ["0"] });
    return cache.bytes;
  })();
  const room = 3;
  const step = fc.record({
    key: fc.nat(6).map(String),
    act: fc.constantFrom("store", "store", "look", "ask", "update", "purge", "pass"),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const { cache, pass } = cacheOf(room * size);
    let uses: string[] = [];
    const use = (key: string) => uses = [...uses.filter((used) => used !== key), key];
    for (const { key, act } of steps) {
      const kept = uses.includes(key);
      if (act === "store") {
        store(cache, key, "x".repeat(1000), { maxAge: 10, swr: 1e6, keys: [key] });
        use(key);
        uses = uses.slice(-room);
      } else if (act === "look") {
        assertEquals(foundOf(cache.lookup(key, NONE)) !== undefined, kept);
        if (kept) use(key);
      } else if (act === "purge") {
        cache.purge(key, false);
        uses = uses.filter((used) => used !== key);
      } else if (act === "pass") pass(5); // stale objects still take room
      else {
        const { found, obligation } = outcomeOf(cache.transaction(key, NONE));
        assertEquals(found !== undefined, kept);
        if (kept) use(key);
        if (act === "update" && found && obligation) {
          obligation.update(written({ maxAge: 10, swr: 1e6, keys: [key] }));
        } else obligation?.cancel();
      }
    }
    for (const key of "0123456".split("")) {
      assertEquals(
        foundOf(cache.lookup(key, NONE)) !== undefined,
        uses.includes(key),
        `${key}, ${uses}`,
      );
    }
  }));
});

Deno.test("the bound holds whatever is written, and a reader reads on", () => {
  const step = fc.record({
    key: fc.constantFrom("a", "b", "c", "d"),
    size: fc.nat(3000),
    act: fc.constantFrom("store", "open", "look", "purge"),
  });
  fc.assert(fc.property(fc.array(step), (steps) => {
    const { cache } = cacheOf(8000);
    for (const { key, size, act } of steps) {
      if (act === "look") foundOf(cache.lookup(key, NONE));
      else if (act === "purge") cache.purge(key, size % 2 === 0);
      else {
        const { content } = cache.insert(key, NONE, written({ keys: [key] }));
        content.write(new Uint8Array(size));
        if (act === "store") content.finish();
        else content.write(new Uint8Array(size));
      }
      assert(cache.bytes <= 8000, `${cache.bytes} bytes`);
    }
    for (const key of ["a", "b", "c", "d"]) cache.purge(key, false);
    assertEquals(cache.bytes, 0);
  }));
  const { cache } = cacheOf(2000);
  const { content, found } = cache.insert("big", NONE, written());
  content.write(new Uint8Array(5000));
  content.finish();
  assertEquals([cache.bytes, foundOf(cache.lookup("big", NONE))], [0, undefined]);
  assertEquals(found.object.content.read().length, 5000);
});

Deno.test("a key has so many rules, and the one that was the newest longest ago goes", () => {
  const { cache } = cacheOf();
  const rule = (at: number) => ({ vary: `x${at}` });
  for (let at = 0; at < 33; at++) {
    store(cache, "k", `${at}`, rule(at), new HeaderList([`x${at}`, "1"]));
  }
  const known = (at: number) =>
    foundOf(cache.lookup("k", new HeaderList([`x${at}`, "1"]))) !== undefined;
  assertEquals([known(0), known(1), known(32)], [false, true, true]);
  const bytes = cache.bytes;
  store(cache, "k", "33", rule(33), new HeaderList(["x33", "1"]));
  assertEquals([known(1), known(2), known(33)], [false, true, true]);
  assertEquals(
    cache.bytes,
    bytes + 1,
    "what has gone takes nothing: of one text a digit more is there",
  );
});
