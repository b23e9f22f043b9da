import { DIRTY_PAGE_BITS, NEAR } from "../../../wasm/rewrite/control.ts";
import { assert, assertEquals } from "../../assert.ts";
import { MarkedModule } from "./_marked.ts";

/** Addresses at which marks may go wrong: around the borders of dirty pages. */
const BORDERS = [-NEAR - 17, -NEAR, -17, -16, -8, -1, 0, 1, 8, NEAR, NEAR + 1].flatMap((by) =>
  [1 << DIRTY_PAGE_BITS, 2 << DIRTY_PAGE_BITS, 65536].map((border) => border + by)
);

/** Fields around `run`, a function of an address and a number. */
const FIELDS = `(tag $e) (global $sp (mut i32) (i32.const 65536))
  (global $other (mut i32) (i32.const 4096)) (export "sp" (global $sp))
  (func $nothing) (func $one (result i32) (i32.const 1))
  (func $moves (global.set $sp (i32.const 9000)))
  (func $below (param i32) (i32.store (i32.sub (local.get 0) (i32.const 4)) (i32.const -1)))`;

function moduleOf(body: string): Promise<MarkedModule> {
  return MarkedModule.of(`${FIELDS} (func (export "run") (param $p i32) (param $n i32)
    (local $q i32) (local $i i32) (local $l i64) ${body})`);
}

function store(address: string, offset = 0): string {
  return `(i32.store offset=${offset} ${address} (i32.const -1))`;
}

const P = "(local.get $p)";
const FAR = NEAR + 1;
const next = (by: number) => `(local.set $p (i32.add ${P} (i32.const ${by})))`;

/** Bodies with the number of marks that they need. */
const BODIES: readonly (readonly [name: string, marks: number, body: string])[] = [
  ["one store", 1, store(P)],
  ["stores that are near", 1, [0, 4, NEAR, 8].map((by) => store(P, by)).join("")],
  ["a store before the first", 1, store(P, NEAR) + store(P)],
  ["stores that are far", 2, store(P) + store(P, FAR)],
  ["a store that is far before the first", 2, store(P, FAR) + store(P)],
  ["a chain of stores", 2, [0, NEAR, 2 * NEAR, 3 * NEAR].map((by) => store(P, by)).join("")],
  ["sums", 1, store(`(i32.add ${P} (i32.const 200))`) + store(`(i32.add ${P} (i32.const -40))`)],
  ["a sum and an offset", 2, store(P) + store(`(i32.add ${P} (i32.const 200))`, 200)],
  ["another local", 2, store(P) + `(local.set $q ${P})` + store("(local.get $q)")],
  ["a local that is set between", 2, store(P) + next(5000) + store(P)],
  ["a local that is set by tee", 2, store(P) + store(`(local.tee $p (i32.const 9000))`)],
  ["a local that is set by tee, then used", 1, store(`(local.tee $p (i32.const 9000))`) + store(P)],
  [
    "a local that the value sets",
    3,
    store(P) + `(i32.store ${P} (local.tee $p (i32.add ${P} (i32.const 5000))))` + store(P),
  ],
  [
    "a local that is set between address and value",
    2,
    `${P} ${next(5000)} (i32.const -1) (i32.store) ${store(P)}`,
  ],
  ["a local that is set in a block", 2, store(P) + `(block ${next(5000)})` + store(P)],
  ["a store in a block", 2, `(block (br_if 0 (local.get $n)) ${store(P)}) ${store(P)}`],
  [
    "a store in both arms",
    3,
    `(if (local.get $n) (then ${store(P)}) (else ${store(P)})) ${store(P)}`,
  ],
  [
    "a store before both arms",
    1,
    `${store(P)} (if (local.get $n) (then ${store(P)}) (else ${store(P)}))`,
  ],
  [
    "a local that one arm sets",
    4,
    `${store(P)} (if (local.get $n) (then ${next(5000)}) (else ${store(P)}))
    ${store(P)} ${store(P, FAR)}`,
  ],
  ["a call between", 1, store(P) + "(call $nothing)" + store(P, 8)],
  ["growth between", 1, store(P) + "(drop (memory.grow (i32.const 1)))" + store(P, 8)],
  [
    "a store in a handler",
    2,
    `(try (do (if (local.get $n) (then (throw $e))) ${store(P)}) (catch_all ${store(P)}))`,
  ],
  [
    "a local that is set before an exception",
    2,
    `${store(P)} (try (do ${next(5000)} (throw $e)) (catch_all ${store(P)}))`,
  ],
  [
    "a handler after a try_table",
    2,
    `(block $out (try_table (catch_all $out)
    (if (local.get $n) (then (throw $e))) ${store(P)})) ${store(P)}`,
  ],
  ["a loop that leaves the local", 1, `${store(P)} (loop ${store(P, 8)} ${again()})`],
  [
    "a loop that sets the local later",
    2,
    `${store(P)} (loop ${store(P, 8)} ${next(5000)} ${again()})`,
  ],
  [
    "a loop with a loop that sets the local",
    2,
    `${store(P)} (loop ${store(P)} (loop ${next(300)} ${again()})
      (br_if 0 (i32.lt_u (local.get $i) (i32.const 12))))`,
  ],
  ["a loop with a call", 2, `${store(P)} (loop (call $nothing) ${store(P, 8)} ${again()})`],
  ["a long loop", 2, `${store(P)} (loop ${store(P, 8)} ${"(nop)".repeat(1100)} ${again()})`],
  [
    "a store after a loop",
    3,
    `(loop ${store(P)} ${again()} ${store(P, 8)}) ${store(P)}`.replace(
      "(loop",
      `${store("(local.get $q)")} (loop`,
    ),
  ],
  [
    "a loop with parameters",
    2,
    `${store(P)} (i32.const 1) (loop (param i32) (drop) ${store(P)} ${next(5000)} (i32.const 1)
    (br_if 0 (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))) (drop))`,
  ],
  ["constants", 1, store("(i32.const 4000)") + store("(i32.const 4000)", 200)],
  [
    "constants in a loop",
    1,
    store("(i32.const 4000)") + `(loop ${store("(i32.const 4100)")} ${again()})`,
  ],
  ["constants that are far", 2, store("(i32.const 4000)") + store("(i32.const 8000)")],
  ["a local and a constant", 2, store(P) + store("(i32.const 8000)")],
  [
    "other instructions that write",
    1,
    `${store(P)} (i64.store8 offset=9 ${P} (i64.const -1))
    (v128.store offset=${NEAR} ${P} (v128.const i64x2 -1 -1))
    (drop (i32.atomic.rmw.cmpxchg offset=20 (i32.and ${P} (i32.const -4)) (i32.const 0) (i32.const 1)))`
      .replace(/\(drop.*\)$/s, ""),
  ],
  [
    "a value from memory",
    1,
    `${store(P)} (i64.store offset=8 ${P} (i64.load offset=16 ${P}))
    (v128.store offset=32 ${P} (v128.load offset=48 ${P}))`,
  ],
  ["a value from a call", 2, `${store(P)} ${P} (call $nothing) (i32.const 1) (i32.store)`],
  [
    "a value from a call, and more below",
    2,
    `${store("(local.get $q)")}
    (local.get $q) ${P} (call $one) (i32.store) (drop)`,
  ],
  [
    "a store before a try_table and one in it",
    1,
    `${store(P)} (block $out (try_table (catch_all $out)
    ${store(P, 8)})) ${store(P, 16)}`,
  ],
  ["a value from a block", 2, `${store(P)} (i32.store ${P} (block (result i32) (i32.const 1)))`],
  [
    "a long value",
    2,
    `${store(P)} (i32.store ${P} ${"(i32.eqz ".repeat(40)} ${P} ${")".repeat(40)})`,
  ],
  // What looks like a shadow stack.
  [
    "a frame",
    1,
    `${frame(64)} ${store("(local.get $q)", 8)} ${store("(local.get $q)", 56)} ${unwind(64)}`,
  ],
  [
    "a large frame",
    2,
    `${frame(4096)} ${store("(local.get $q)", 8)} ${store("(local.get $q)", 4088)} ${unwind(4096)}`,
  ],
  [
    "a store outside of the frame",
    2,
    `${frame(16)} ${store("(local.get $q)")} ${store("(local.get $q)", 9000)} ${unwind(16)}`,
  ],
  [
    "a frame of another global",
    1,
    `${frame(16).replaceAll("$sp", "$other")} ${store("(local.get $q)")}`,
  ],
  [
    "a pointer that is moved by a callee",
    2,
    `${frame(16)} (call $moves) ${store("(local.get $q)")}
    ${store("(global.get $sp)")}`,
  ],
  [
    "a frame whose address escapes",
    1,
    `${frame(16)} ${store("(local.get $q)", 8)} (call $below (local.get $q))`,
  ],
  [
    "room of a variable size",
    2,
    `${frame(16)} ${store("(local.get $q)")} (global.set $sp (local.tee $q
    (i32.sub (local.get $q) (i32.and ${P} (i32.const 0xfff0))))) ${store("(local.get $q)")}`,
  ],
  [
    "a frame that is taken twice",
    2,
    `${frame(16)} ${store("(local.get $q)")} ${frame(8000)} ${store("(local.get $q)")}`,
  ],
];

function again(): string {
  return `(br_if 0 (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3)))`;
}

function frame(size: number): string {
  return `(global.set $sp (local.tee $q (i32.sub (global.get $sp) (i32.const ${size}))))`;
}

function unwind(size: number): string {
  return `(global.set $sp (i32.add (local.get $q) (i32.const ${size})))`;
}

/** A mark of `$below` is in every module. */
const BELOW = 1;

for (const [name, marks, body] of BODIES) {
  Deno.test(`with ${name}, a reset finds the bytes of each store`, async () => {
    const module = await moduleOf(body);
    let whole = 0;
    for (const address of BORDERS) {
      for (const n of [0, 1]) if (module.check(address, n)) whole++;
    }
    assert(whole > 0, "every run trapped");
    assertEquals(module.marks - BELOW, marks);
  });
}

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
