import type { LookupResult, PendingLookup } from "../../../service/cache/lookup_result.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { assert, assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";
import { cacheOf, written } from "./_cache.ts";

const variant = fc.nat(2);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant("ask" as const), variant }) },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constantFrom("insert", "update", "give up", "use stale", "release"),
      which: fc.nat(20),
      vary: fc.constantFrom("", "a", "b", "a b"),
      maxAge: fc.nat(3),
      swr: fc.nat(2),
      sie: fc.nat(2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constantFrom("leave", "replace", "force"),
      which: fc.nat(20),
      variant,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constantFrom("pass", "purge"), which: fc.nat(3) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Clients of one key, driven by the test, and the objects that they hold. */
class Crowd {
  readonly #time = cacheOf(20_000);
  readonly #waiting: PendingLookup[] = [];
  readonly #holding: LookupResult[] = [];

  take(step: Step): void {
    const { cache, pass } = this.#time;
    switch (step.act) {
      case "ask":
        this.#waiting.push(cache.transaction("k", headersOf(step.variant)));
        break;
      case "replace":
      case "force": {
        const strategy = step.act === "force" ? "immediate-force-miss" : "wait";
        this.#waiting.push(cache.replace("k", headersOf(step.variant), strategy));
        break;
      }
      case "leave":
        this.#waiting.splice(step.which, 1).forEach((pending) => pending.cancel());
        break;
      case "pass":
        pass(step.which);
        break;
      case "purge":
        cache.purge("x", step.which % 2 === 0);
        break;
      default:
        this.#end(step);
    }
    this.#collect();
  }

  /** All clients give up the obligation to insert; each time another one may get it. */
  leave(): void {
    for (let held; (held = this.#holding.pop()); this.#collect()) held.obligation!.cancel();
    assertEquals(this.#waiting.length, 0, "nobody waits for nothing");
    this.#time.cache.purge("x", false);
    assertEquals(this.#time.cache.bytes, 0);
  }

  #end(step: Extract<Step, { vary: string }>): void {
    const [held] = this.#holding.splice(step.which, 1);
    const { found, obligation } = held ?? {};
    if (!obligation) return;
    const options = written({ ...step, keys: ["x"] });
    if (step.act === "insert") obligation.insert(options).content.write(new Uint8Array(100));
    else if (step.act === "update" && found) obligation.update(options);
    else if (step.act === "use stale") obligation.useStale();
    else if (step.act === "release") obligation.release();
    else obligation.cancel();
    assertEquals(obligation.open, false);
  }

  /** Takes the look-ups that have been answered. */
  #collect(): void {
    for (const pending of this.#waiting.filter(({ ready }) => ready)) {
      this.#waiting.splice(this.#waiting.indexOf(pending), 1);
      const outcome = pending.take();
      if (!outcome.obligation) continue;
      assert(outcome.obligation.open);
      this.#holding.push(outcome);
    }
    if (this.#waiting.length) assert(this.#holding.length > 0, "somebody is waited for");
  }
}

function headersOf(variant: number): HeaderList {
  return new HeaderList(["a", String(variant), "b", String(variant >> 1)]);
}

Deno.test("whatever clients do, no lookup waits for ever", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const crowd = new Crowd();
      for (const step of steps) crowd.take(step);
      crowd.leave();
    }),
    { numRuns: 1000 },
  );
});

Deno.test("of lookups for the same object at most one has the obligation", () => {
  const once = fc.array(fc.tuple(variant, fc.boolean()), { maxLength: 30 });
  fc.assert(fc.property(once, (asked) => {
    const { cache } = cacheOf();
    const held = new Map<number, LookupResult>();
    const waiting: [number, PendingLookup][] = [];
    cache.insert("k", headersOf(0), written({ maxAge: 0, vary: "a" }));
    for (const [variant, giveUp] of asked) {
      if (giveUp) {
        held.get(variant)?.obligation?.cancel();
        held.delete(variant);
      } else {
        waiting.push([variant, cache.transaction("k", headersOf(variant))]);
      }
      for (const entry of waiting.filter(([, { ready }]) => ready)) {
        waiting.splice(waiting.indexOf(entry), 1);
        assert(!held.has(entry[0]), "nobody else has it");
        held.set(entry[0], entry[1].take());
      }
    }
    assert(waiting.every(([variant]) => held.has(variant)));
  }));
});
