import { DIRTY_PAGE_BITS, NEAR } from "../../../wasm/rewrite/control.ts";
import { assert, assertEquals } from "../../assert.ts";
import { again, BELOW, moduleOf, next, P, store } from "./_bodies.ts";

const FAR = NEAR + 1;
/** Address that is so many bytes before. */
const back = (by: number) => `(i32.add ${P} (i32.const ${-by}))`;

/** Addresses at which marks may go wrong: around the borders of dirty pages. */
const BORDERS = [-NEAR - 17, -NEAR, -17, -16, -8, -1, 0, 1, 8, NEAR, NEAR + 1].flatMap((by) =>
  [1 << DIRTY_PAGE_BITS, 2 << DIRTY_PAGE_BITS, 65536].map((border) => border + by)
);

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
  ["a local that advances", 1, store(P) + next(8) + store(P) + next(8) + store(P, 4)],
  [
    "a local that advances by tee",
    1,
    store(P) + store(`(local.tee $p (i32.add ${P} (i32.const 8)))`),
  ],
  [
    "a local that is taken by tee and advances",
    1,
    store("(local.tee $p (i32.const 9000))") + next(8) + store(P),
  ],
  ["a local that goes and comes back", 1, store(P) + next(5000) + next(-5000) + store(P, 4)],
  ["a local that goes around", 1, store(P) + next(-70_000) + store(back(-70_000))],
  [
    "a local that advances by another",
    2,
    store(P) + `(local.set $p (i32.add ${P} (local.get $n)))` + store(P),
  ],
  [
    "a local that advances by a part of a sum",
    2,
    `${store(P)} (local.set $p (i32.add (i32.const 9000) (i32.add ${P} (i32.const 8)))) ${
      store(P)
    }`,
  ],
  [
    "a local that another advances to",
    2,
    store("(local.get $q)") + `(local.set $q (i32.add ${P} (i32.const 8)))` +
    store("(local.get $q)"),
  ],
  [
    "a local that may advance in a block",
    2,
    `${store(P)} (block (br_if 0 (local.get $n)) ${next(5000)}) ${store(back(5000))}`,
  ],
  [
    "a local that advances in one arm",
    2,
    `${store(P)} (if (local.get $n) (then ${next(5000)})) ${store(back(5000))}`,
  ],
  [
    "a local that advances in both arms",
    3,
    `${store(P)} (if (local.get $n) (then ${next(5000)} ${store(back(5000))})
      (else ${next(6000)} ${store(back(5000))})) ${store(back(5000))}`,
  ],
  [
    "a local that advances before an exception",
    2,
    `${store(P)} (try (do (if (local.get $n) (then (throw $e))) ${next(5000)}) (catch_all))
      ${store(back(5000))}`,
  ],
  [
    "a local that advances in a loop",
    2,
    `${store(P)} (loop ${store(P)} ${next(8)} ${store(P)} ${next(5000)} ${again()})`,
  ],
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
  // Frames of a shadow stack, and code that looks like one.
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

function frame(size: number): string {
  return `(global.set $sp (local.tee $q (i32.sub (global.get $sp) (i32.const ${size}))))`;
}

function unwind(size: number): string {
  return `(global.set $sp (i32.add (local.get $q) (i32.const ${size})))`;
}

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
