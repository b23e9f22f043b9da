import { assert, assertEquals } from "../../assert.ts";
import { again, BELOW, moduleOf, next, P } from "./_bodies.ts";
import { MarkedModule } from "./_marked.ts";

const COUNTED = `(local.set $i (i32.add (local.get $i) (i32.const 1)))
  (br_if $on (i32.lt_u (local.get $i) (local.get $n)))`;
const byte = (address: string, offset = 0) =>
  `(i32.store8 offset=${offset} ${address} (i32.const -1))`;

/** Bodies with the number of marks in loops that are only made on another page than before, and of all others. */
const LOOPS: readonly (readonly [name: string, compared: number, others: number, body: string])[] =
  [
    ["a pointer that steps", 1, 0, `(loop $on ${byte(P)} ${next(1)} ${COUNTED})`],
    ["large steps", 1, 0, `(loop $on ${byte(P)} ${next(4095)} ${COUNTED})`],
    ["steps back", 1, 0, `(loop $on ${byte(P, 9000)} ${next(-7)} ${COUNTED})`],
    [
      "a step after the address",
      0,
      1,
      `(loop $on ${P} ${next(33)} (i32.const -1) (i32.store8) ${COUNTED})`,
    ],
    [
      "a step that a local has",
      1,
      0,
      `(loop $on ${byte(P)} (local.set $p (i32.add ${P} (local.get $n))) ${COUNTED})`,
    ],
    ["a sum of locals", 1, 0, `(loop $on ${byte(`(i32.add ${P} (local.get $i))`)} ${COUNTED})`],
    [
      "a sum that is kept",
      1,
      0,
      `(loop $on ${
        byte(`(local.tee $q (i32.add ${P} (i32.shl (local.get $i) (i32.const 3))))`)
      } ${COUNTED})`,
    ],
    ["a local that stays", 1, 0, `(loop $on ${byte(P)} ${COUNTED})`],
    ["a constant", 1, 0, `(loop $on ${byte("(i32.const 9000)")} ${COUNTED})`],
    [
      "a store in some rounds",
      1,
      0,
      `(loop $on (if (i32.and (local.get $i) (i32.const 512))
    (then ${byte(P)})) ${next(9)} ${COUNTED})`,
    ],
    [
      "a step in some rounds",
      1,
      0,
      `(loop $on (if (i32.and (local.get $i) (i32.const 512))
    (then ${next(99)})) ${byte(P)} ${COUNTED})`,
    ],
    [
      "two streams",
      2,
      0,
      `(loop $on ${byte(P)} ${next(5)} ${byte("(local.get $q)", 70_000)}
    (local.set $q (i32.add (local.get $q) (i32.const 3))) ${COUNTED})`,
    ],
    [
      "more streams than are remembered",
      4,
      1,
      `(loop $on ${[0, 5000, 10_000, 15_000, 20_000].map((offset) => byte(P, offset)).join(" ")} ${
        next(5)
      } ${COUNTED})`,
    ],
    [
      "loops one after another",
      2,
      0,
      `(loop $on ${byte(P)} ${next(9)} ${COUNTED}) (local.set $i (i32.const 0))
    (loop $on ${byte(P, 8)} ${next(9)} ${COUNTED})`,
    ],
    [
      "loops in loops",
      1,
      2,
      `(loop $out ${byte(P)} (local.set $q (i32.const 0))
    (loop $on ${
        byte(`(i32.add ${P} (local.get $q))`)
      } (local.set $q (i32.add (local.get $q) (i32.const 7)))
      (br_if $on (i32.lt_u (local.get $q) (local.get $n))))
    ${next(4000)} ${byte(P)} (br_if $out (i32.lt_u ${P} (i32.const 100000))))`,
    ],
    ["a call in each round", 0, 1, `(loop $on ${byte(P)} (call $nothing) ${next(9)} ${COUNTED})`],
    [
      "an address from memory",
      0,
      1,
      `(loop $on ${byte("(i32.and (i32.load (i32.const 100)) (i32.const 0xffff))")} ${COUNTED})`,
    ],
    [
      "a pointer from memory",
      0,
      1,
      `(loop $on ${byte(P)}
    (local.set $p (i32.load16_u (local.get $i))) ${COUNTED})`,
    ],
    [
      "a pointer that is chosen",
      0,
      1,
      `(loop $on
    ${byte(`(local.tee $q (select ${P} (i32.const 70000) (i32.and (local.get $i) (i32.const 1))))`)}
    ${next(9)} ${COUNTED})`,
    ],
    [
      "a pointer that goes around",
      0,
      1,
      `(loop $on ${byte(P)}
    (local.set $p (i32.and (i32.mul ${P} (i32.const 40503)) (i32.const 0xffff))) ${COUNTED})`,
    ],
    [
      "an i32 after other types",
      2,
      0,
      `(loop $on (i64.store8 ${P} (local.get $l)) (i32.store8 offset=5000 ${P} (local.get $i))
      ${next(9)} ${COUNTED})`,
    ],
    [
      "other types",
      2,
      0,
      `(loop $on (i64.store32 offset=4094 ${P} (local.get $l))
    (f64.store offset=9000 ${P} (f64.const -1)) ${next(9)} ${COUNTED})`,
    ],
  ];

for (const [name, compared, others, body] of LOOPS) {
  Deno.test(`in a loop with ${name}, a reset finds the bytes of each store`, async () => {
    const module = await moduleOf(body);
    let whole = 0;
    for (const address of [0, 1, 1018, 1024, 4096, 65_530]) {
      for (const n of [1, 2, 600, 5000]) if (module.check(address, n)) whole++;
    }
    assert(whole > 0, "every run trapped");
    assertEquals([module.compared, module.marks - BELOW], [compared, compared + others]);
  });
}

Deno.test("each call of a function marks its pages anew", async () => {
  const module = await MarkedModule.of(`
    (func $fill (param $p i32) (local $i i32) (loop ${byte(P)} ${next(1)} ${again()}))
    (func (export "run") (param $p i32) (param $n i32)
      (call $fill ${P}) (call $fill (i32.add ${P} (local.get $n))) (call $fill ${P}))`);
  assertEquals([module.compared, module.marks], [1, 1]);
  for (const address of [0, 1022, 8192]) {
    for (const n of [0, 4096, 70_000]) assert(module.check(address, n));
  }
});
