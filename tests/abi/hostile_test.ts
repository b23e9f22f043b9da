import * as fc from "../properties.ts";
import "../time_limit.ts";
import { turn } from "./_bench.ts";
import { CROWD, crowded, dismiss, misuse } from "./_hostile.ts";
import { type DeclaredCall, declaredCalls } from "./_matrix.ts";

/** Wild, huge, negative, null, unaligned, small and sensible; the small ones are handles too. */
const VALUES = [
  ...Array.from({ length: CROWD + 2 }, (_, i) => i),
  -1,
  -2,
  0x7fff_ffff,
  -0x8000_0000,
  0x1_fffc,
  0x1_ffff,
  0x2_0000,
  0x1001,
];
const LONG_VALUES = [0n, 1n, -1n, 1n << 63n];
/** Combinations per call; below it, all of them. */
const MOST = 2000;
/** Number of calls after which consumed handles are made anew. */
const FRESH_AFTER = 100;

/** Every combination of values if there are few, else a spread of them that is the same at each run. */
function* combinations({ hostcall: { coreTypes } }: DeclaredCall): Generator<(number | bigint)[]> {
  const choices = coreTypes.map((type) => type === "i64" ? LONG_VALUES : VALUES);
  const all = choices.reduce((product, { length }) => product * length, 1);
  let seed = 12_345;
  for (let i = 0; i < Math.min(all, MOST); i++) {
    let rest = i;
    yield choices.map((values) => {
      const at = all <= MOST ? rest : seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      rest = Math.floor(rest / values.length);
      return values[(all <= MOST ? at : at >>> 16) % values.length]!;
    });
  }
}

const modules = Map.groupBy(declaredCalls, ({ module }) => module);

for (const [module, calls] of modules) {
  Deno.test(`no words that a guest passes to ${module} make it throw`, async () => {
    for (const call of calls) {
      let b = await crowded();
      let left = FRESH_AFTER;
      for (const args of combinations(call)) {
        if (await misuse(b, call, args) && --left > 0) continue;
        dismiss(b);
        b = await crowded();
        left = FRESH_AFTER;
      }
      dismiss(b);
    }
    await turn();
  });
}

/** Most words that a call takes; each call takes the first ones. */
const MAX_WORDS = Math.max(...declaredCalls.map(({ hostcall }) => hostcall.coreTypes.length));
const word = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 2 * CROWD }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 0x2_0008 }) },
  { weight: 1, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.constantFrom(-1, -2, 0x7fff_ffff, -0x8000_0000) },
);

/** A guest that makes random calls, with the memory and the handles that earlier ones have left. */
function program(names: Iterable<string>) {
  const step = fc.tuple(
    fc.constantFrom(...names),
    fc.array(word, { minLength: MAX_WORDS, maxLength: MAX_WORDS }),
  );
  return fc.tuple(
    fc.array(fc.tuple(fc.nat(0x1_ffff), fc.uint8Array({ maxLength: 64 })), { maxLength: 8 }),
    fc.array(step, { minLength: 1, maxLength: 30, size: "max" }),
  );
}

async function survive(calls: readonly DeclaredCall[], numRuns: number): Promise<void> {
  // fast-check prints a failing program in full, so it must not have the functions themselves in it.
  const byName = new Map(calls.map((call) => [`${call.module}.${call.name}`, call]));
  await fc.assert(
    fc.asyncProperty(program(byName.keys()), async ([memory, steps]) => {
      const b = await crowded();
      for (const [at, bytes] of memory) {
        b.memory.setBytes(at, bytes.subarray(0, b.memory.size - at));
      }
      for (const [name, random] of steps) {
        const call = byName.get(name)!;
        const args = call.hostcall.coreTypes.map((type, i) =>
          type === "i64" ? BigInt(random[i]!) : random[i]!
        );
        if (!await misuse(b, call, args)) break;
      }
      dismiss(b);
      await turn();
    }),
    { numRuns },
  );
}

for (const [module, calls] of modules) {
  Deno.test(`no program that makes random calls to ${module} makes it throw`, async () => {
    await survive(calls, 200);
  });
}

Deno.test("no program that makes random calls to everything makes it throw", async () => {
  await survive(declaredCalls, 2000);
});
