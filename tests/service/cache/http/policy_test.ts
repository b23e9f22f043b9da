import { Cache } from "../../../../service/cache/cache.ts";
import { ageAfter, phaseAt } from "../../../../service/cache/lifetime.ts";
import { HeaderList } from "../../../../service/http/headers.ts";
import {
  lifetimeOf,
  showsContent,
  type StorageAction,
  storageAction,
  varyRuleOf,
} from "../../../../service/cache/http/policy.ts";
import { assert, assertEquals } from "../../../assert.ts";
import * as fc from "../../../properties.ts";
import { fields, lived, MADE, NOW } from "./_policy.ts";
import { foundOf, outcomeOf, SECOND, written } from "../_cache.ts";

const NEVER = { staleWhileRevalidate: 0n, staleIfError: 0n };

function actionOf(response: string, status = 200, request = ""): StorageAction {
  return storageAction(fields(request), { status, headers: fields(response) });
}

Deno.test("these statuses are kept without a word from the origin, for an hour", () => {
  const kept = Array.from({ length: 400 }, (_, i) => i + 200)
    .filter((status) => actionOf("", status) === "insert");
  assertEquals(kept, [200, 203, 300, 301, 302, 404, 410]);
  assertEquals(lived("content-type: a/b"), [3600, 0, 0, 0]);
});

Deno.test("other statuses are kept when the origin says how long", () => {
  for (const status of [204, 307, 418, 500, 503]) {
    assertEquals(actionOf("", status), "do-not-store");
    assertEquals(actionOf("cache-control: public", status), "do-not-store");
    assertEquals(actionOf("cache-control: max-age=1", status), "insert");
    assertEquals(actionOf("cache-control: s-maxage=1", status), "insert");
    assertEquals(actionOf(`expires: ${MADE}`, status), "insert");
  }
  for (const status of [100, 206, 304]) {
    assertEquals(actionOf("cache-control: max-age=1", status), "do-not-store");
  }
});

Deno.test("a private response is recorded as uncacheable", () => {
  for (
    const response of [
      "cache-control: private",
      "Cache-Control: max-age=60, PRIVATE",
      "cache-control: no-store",
      "surrogate-control: no-store",
      "surrogate-control: private, max-age=60",
      "surrogate-control: max-age=60\ncache-control: private",
      "set-cookie: a=b\ncache-control: public, max-age=60",
      "vary: *",
      "vary: accept, *",
      "vary: accept-encoding origin",
    ]
  ) assertEquals(actionOf(response), "record-uncacheable", response);
  assertEquals(actionOf("surrogate-control: max-age=60\ncache-control: no-store"), "insert");
});

Deno.test("an answer to a request with credentials is kept only if the origin means everybody", () => {
  const secret = "authorization: Basic abc";
  assertEquals(actionOf("", 200, secret), "do-not-store");
  assertEquals(actionOf("cache-control: max-age=60", 200, secret), "do-not-store");
  for (
    const response of [
      "cache-control: public",
      "cache-control: s-maxage=60",
      "cache-control: must-revalidate, max-age=60",
      "surrogate-control: max-age=60",
    ]
  ) assertEquals(actionOf(response, 200, secret), "insert", response);
});

Deno.test("must-understand stores responses of known statuses, even with no-store", () => {
  const control = "cache-control: max-age=60, must-understand";
  assertEquals(actionOf(control), "insert");
  assertEquals(actionOf(`${control}, no-store`), "insert");
  assertEquals(actionOf(`${control}, no-store, private`), "record-uncacheable");
  assertEquals(actionOf(control, 599), "do-not-store");
  assertEquals(actionOf(`${control}, no-store`, 599), "do-not-store");
  assertEquals(actionOf(`${control}\nsurrogate-control: max-age=60`, 599), "insert");
});

Deno.test("fields show content unless the length is zero", () => {
  for (const text of ["", "content-length: 0", "content-length: 00\ncontent-length: 0", "te: x"]) {
    assertEquals(showsContent(fields(text)), false, text);
  }
  for (
    const text of [
      "content-length: 1",
      "content-length: 0\ncontent-length: 5",
      "content-length: x",
      "Transfer-Encoding: chunked",
    ]
  ) assertEquals(showsContent(fields(text)), true, text);
});

Deno.test("the word to surrogates wins, then s-maxage, then max-age, then Expires", () => {
  const expires = "expires: Sun, 06 Nov 1994 08:50:37 GMT";
  assertEquals(lived(expires), [60, 0, 0, 0]);
  const control = `cache-control: max-age=50\n${expires}`;
  assertEquals(lived(control), [50, 0, 0, 0]);
  assertEquals(lived(`cache-control: s-maxage=40\n${control}`), [40, 0, 0, 0]);
  assertEquals(lived(`surrogate-control: max-age=30\ncache-control: s-maxage=40`), [30, 0, 0, 0]);
  assertEquals(lived("surrogate-control: max-age=30\ncache-control: no-cache"), [30, 0, 0, 0]);
  assertEquals(
    lived("surrogate-control: max-age=30;me, stale-if-error=5;you;too\ncache-control: no-store"),
    [30, 0, 0, 5],
  );
});

Deno.test("a response that needs validation each time is stale at once, and never used stale", () => {
  const stale = "stale-while-revalidate=60, stale-if-error=60";
  assertEquals(lived(`cache-control: no-cache, max-age=60, ${stale}`), [0, 0, 0, 0]);
  assertEquals(lived(`cache-control: max-age=9, must-revalidate, ${stale}`), [9, 0, 0, 0]);
  assertEquals(lived(`cache-control: max-age=9, proxy-revalidate, ${stale}`), [9, 0, 0, 0]);
  assertEquals(lived(`cache-control: max-age=9, ${stale}`), [9, 0, 60, 60]);
  assertEquals(lived(`cache-control: no-cache="set-cookie", max-age=9`), [9, 0, 0, 0]);
  assertEquals(
    lived(`surrogate-control: max-age=9, stale-if-error=5\ncache-control: ${stale}`),
    [9, 0, 60, 5],
  );
});

Deno.test("Expires counts from Date, and a date that cannot be read has passed", () => {
  const expires = "expires: Sun, 06 Nov 1994 08:50:37 GMT";
  assertEquals(lived(`${expires}\ndate: Sun, 06 Nov 1994 08:50:30 GMT`), [7, 0, 0, 0]);
  assertEquals(lived(`${expires}\ndate: yesterday`), [60, 0, 0, 0]);
  assertEquals(lived(expires, NOW + 3_600_000), [0, 0, 0, 0]);
  for (const value of ["0", "-1", "3600", "2099", "", "tomorrow"]) {
    assertEquals(lived(`expires: ${value}`, 0), [0, 0, 0, 0], value);
  }
  assertEquals(lived("expires: Fri, 31 Dec 9999 23:59:59 GMT"), [2 ** 31 - 1, 0, 0, 0]);
});

Deno.test("Age is subtracted from the lifetime, however large", () => {
  assertEquals(lived("age: 10\ncache-control: max-age=60"), [60, 10, 0, 0]);
  assertEquals(lived("age: -1"), [3600, 0, 0, 0]);
  assertEquals(lived("age: 1.5"), [3600, 0, 0, 0]);
  assertEquals(lived(`age: ${"9".repeat(400)}`), [3600, 2 ** 31 - 1, 0, 0]);
  assertEquals(lived(`cache-control: max-age=${"9".repeat(400)}`), [2 ** 31 - 1, 0, 0, 0]);
});

Deno.test("requests pass for two minutes, or as long as the origin says", () => {
  const passes = (response: string) =>
    lifetimeOf({ status: 200, headers: fields(response) }, "record-uncacheable", NOW);
  assertEquals(passes("cache-control: private"), {
    initialAge: 0n,
    maxAge: 120n * SECOND,
    ...NEVER,
  });
  assertEquals(passes("cache-control: private, max-age=600").maxAge, 600n * SECOND);
  assertEquals(passes("cache-control: private, max-age=6").maxAge, 120n * SECOND);
});

const seconds = fc.integer({ min: 0, max: 10_000 });
const maybe = fc.option(seconds, { nil: undefined });

Deno.test("a response is fresh as long as it says, less the age that it came with", () => {
  fc.assert(
    fc.property(
      fc.record({ maxAge: maybe, sMaxAge: maybe, surrogate: maybe, age: maybe, swr: maybe }),
      seconds,
      ({ maxAge, sMaxAge, surrogate, age, swr }, elapsed) => {
        const said = (name: string, value: number | undefined) =>
          value === undefined ? "" : `${name}=${value},`;
        const headers = fields(
          `cache-control: public, ${said("max-age", maxAge)}${said("s-maxage", sMaxAge)}` +
            said("stale-while-revalidate", swr) +
            (surrogate === undefined ? "" : `\nsurrogate-control: max-age=${surrogate}`) +
            (age === undefined ? "" : `\nage: ${age}`),
        );
        const lifetime = lifetimeOf({ status: 200, headers }, "insert", NOW);
        const now = (age ?? 0) + elapsed;
        const lasts = surrogate ?? sMaxAge ?? maxAge ?? 3600;
        const phase = phaseAt(lifetime, ageAfter(lifetime, elapsed * 1000));
        assertEquals(
          phase,
          now < lasts ? "fresh" : now < lasts + (swr ?? 0) ? "stale" : "expired",
        );
      },
    ),
  );
});

Deno.test("whatever the fields hold, the lifetime is one", () => {
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom("no-cache", "max-age=1e9", "max-age=-1", "s-maxage", "age", "max-age==5"),
    fc.stringMatching(/^(max-age|s-maxage|stale-if-error)=\d{1,400}(, \w+="?)?$/),
  );
  const names = fc.constantFrom("cache-control", "surrogate-control", "expires", "age", "date");
  const list = fc.array(fc.tuple(names, value)).map((list) => new HeaderList(list.flat()));
  const bound = 2n ** 31n * SECOND;
  fc.assert(fc.property(list, (headers) => {
    const lifetime = lifetimeOf({ status: 200, headers }, "insert", NOW);
    for (const ns of Object.values(lifetime)) assert(ns >= 0n && ns < bound, `${ns}`);
  }));
});

Deno.test("two requests share an object if they agree in all fields that it varies by", () => {
  const names = ["accept", "cookie", "x-a"];
  const request = fc.record(Object.fromEntries(
    names.map((name) => [name, fc.option(fc.constantFrom("1", "2"), { nil: undefined })]),
  ));
  const list = (values: Record<string, string | undefined>) =>
    new HeaderList(
      Object.entries(values).flatMap(([name, value]) => value === undefined ? [] : [name, value]),
    );
  fc.assert(
    fc.property(
      fc.subarray(names),
      request,
      request,
      seconds,
      fc.boolean(),
      (vary, one, other, elapsed, capitals) => {
        let now = NOW;
        const cache = new Cache(1 << 20, () => now);
        const spelled = vary.map((name) => capitals ? name.toUpperCase() : name).join(" , ");
        const rule = varyRuleOf(fields(vary.length ? `vary: ${spelled}` : ""))!;
        const { obligation } = outcomeOf(cache.transaction("k", list(one)));
        obligation!.insert({ ...written({ maxAge: 5000 }), varyRule: rule }).content.finish();
        now += elapsed * 1000;
        const found = foundOf(cache.lookup("k", list(other)));
        const agrees = vary.every((name) => one[name] === other[name]);
        assertEquals(found !== undefined, agrees && elapsed < 5000);
      },
    ),
  );
});
