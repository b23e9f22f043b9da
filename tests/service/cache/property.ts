/**
 * For every program, a cache that is closed and restored behaves like one that never ends.
 *
 * @module
 */
import type { FoundObject } from "../../../service/cache/object.ts";
import { assert, assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";
import { resultOf, type Saying, written } from "./_cache.ts";
import { Bench, bodyOf, fields, MIB, type Open } from "./_persisted_cache.ts";

/** Step: an action of a program, or an event. */
type Step =
  & { readonly key: string; readonly variant: string }
  & (
    | { readonly do: "insert"; readonly length: number; readonly say: Saying }
    | { readonly do: "update"; readonly say: Saying }
    | { readonly do: "lookup" | "force" | "restart" | "kill" }
    | { readonly do: "purge" | "soft"; readonly surrogate: string }
    | { readonly do: "pass"; readonly seconds: number }
  );

function stepsOf(clockGoes: boolean): fc.Arbitrary<Step[]> {
  const say = fc.record({
    maxAge: clockGoes ? fc.constantFrom(0, 5, 60) : fc.constant(60),
    swr: fc.constantFrom(0, 30),
    sie: fc.constantFrom(0, 60),
    age: fc.constantFrom(0, 3),
    vary: fc.constantFrom("", "x-variant", "x-other x-variant"),
    keys: fc.subarray(["x", "y"]),
  });
  const place = { key: fc.constantFrom("a", "b", "c"), variant: fc.constantFrom("1", "2") };
  const step = (fields: Record<string, unknown>) =>
    fc.record({ ...place, ...fields } as Record<string, fc.Arbitrary<unknown>>);
  const length = fc.constantFrom(0, 10, 300_000, 1.2 * MIB);
  const surrogate = fc.constantFrom("x", "y");
  const choices = [
    { weight: 5, arbitrary: step({ do: fc.constant("insert"), length, say }) },
    { weight: 3, arbitrary: step({ do: fc.constant("update"), say }) },
    { weight: 5, arbitrary: step({ do: fc.constant("lookup") }) },
    { weight: 2, arbitrary: step({ do: fc.constantFrom("force", "restart", "kill") }) },
    { weight: 1, arbitrary: step({ do: fc.constantFrom("purge", "soft"), surrogate }) },
    ...clockGoes
      ? [{ weight: 2, arbitrary: step({ do: fc.constant("pass"), seconds: fc.nat(40) }) }]
      : [],
  ];
  return fc.array(fc.oneof(...choices), { minLength: 5, maxLength: 40 }) as fc.Arbitrary<Step[]>;
}

/** Does a step, and tells all that can be seen of it. */
async function answer(bench: Bench, step: Step, salt: number): Promise<unknown> {
  const headers = fields(step.variant);
  switch (step.do) {
    case "insert":
      await bench.store(step.key, new Uint8Array(step.length).fill(salt), {
        say: step.say,
        headers,
      });
      return "inserted";
    case "update": {
      const { found, obligation } = await resultOf(bench.cache.transaction(step.key, headers));
      if (found) obligation?.update(written(step.say));
      else obligation?.cancel();
      return [found && await told(found), obligation !== undefined];
    }
    case "lookup": {
      const found = await bench.find(step.key, headers);
      await bench.turn();
      return found && await told(found);
    }
    case "force": {
      const { found, obligation } = await resultOf(
        bench.cache.replace(step.key, headers, "immediate-force-miss"),
      );
      obligation?.cancel();
      return found && await told(found);
    }
    case "purge":
    case "soft":
      // The number is not compared: expired objects count until they are removed.
      return void (await bench.cache.purge(step.surrogate, step.do === "soft"));
    case "pass":
      return void (bench.now += step.seconds * 1000);
    default:
      await bench.turn();
      return await bench.restart(step.do === "kill");
  }
}

async function told(found: FoundObject): Promise<unknown> {
  const { object, phase, hits, length } = found;
  const content = await bodyOf(found);
  assert(content.every((byte) => byte === content[0]));
  return [phase, hits, length, content.length, content[0], `${object.age}`, object.purged];
}

/** Compares a cache over a driver, which is restarted, with one that has none and goes on. */
export function propertyContract(title: string, open: Open): void {
  // Expired objects take no room after a restart, so bounds are compared on a clock that stands still.
  for (
    const [what, max, clockGoes] of [["time", 64 * MIB, true], [
      "a bound",
      4 * MIB,
      false,
    ]] as const
  ) {
    Deno.test(`${title}: with ${what}, restarts change nothing that a program sees`, async () => {
      await fc.assert(
        fc.asyncProperty(stepsOf(clockGoes), async (steps) => {
          await using opened = await open();
          const [kept, plain] = [new Bench(opened, max), new Bench(undefined, max)];
          for (const [i, step] of steps.entries()) {
            const answers = [await answer(kept, step, i), await answer(plain, step, i)];
            assertEquals(answers[0], answers[1], `step ${i}: ${JSON.stringify(step)}`);
          }
        }),
        { numRuns: 40 },
      );
    });
  }
}
