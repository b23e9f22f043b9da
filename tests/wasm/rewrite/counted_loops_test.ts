import { assemble } from "../../../cli/wat.ts";
import { Fastlike } from "../../../mod.ts";
import { Reader } from "../../../wasm/rewrite/binary.ts";
import { Op } from "../../../wasm/rewrite/instructions.ts";
import { type Counter, loopAt, ROUNDS } from "../../../wasm/rewrite/loop.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { CheckedModule } from "./_checked.ts";

/** Functions of two numbers whose loops have a counter, by the way in which they go on and are left. */
const COUNTED: Readonly<Record<string, string>> = {
  "br_if": `(loop $on (call_off) (local.set $i (i32.add (local.get $i) (i32.const 3)))
    (br_if $on (i32.lt_u (local.get $i) (local.get $n))))`,
  "a counter that falls": `(local.set $n (i32.add (local.get $n) (i32.const 1)))
    (loop $on (call_off) (br_if $on (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))`,
  "br and a branch out": `(block $out (loop $on (call_off)
    (br_if $out (i32.gt_u (local.get $i) (local.get $n)))
    (local.set $i (i32.sub (local.get $i) (i32.const -8)))
    (br $on)))`,
  "branches from inner blocks": `(loop $on (call_off)
    (block $skip (br_if $skip (i32.and (local.get $i) (i32.const 1)))
      (local.set $sum (i32.add (local.get $sum) (i32.const 5))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (block $a (block $b
      (br_if $a (i32.gt_u (local.get $i) (local.get $n)))
      (br_if $on (i32.rem_u (local.get $i) (i32.const 3)))
      (br $on))))`,
  "a result": `(drop (loop $on (result i32) (call_off)
    (local.set $i (i32.add (local.get $i) (i32.const 4)))
    (br_if $on (i32.lt_u (local.get $i) (local.get $n))) (local.get $i)))`,
  "values below the branch":
    `(local.set $sum (i32.add (i32.const 7) (loop $on (result i32) (call_off)
    (i32.const 9) (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $on (i32.lt_u (local.get $i) (local.get $n)))
    (local.get $sum) (i32.add))))`,
  "a return": `(loop $on (call_off)
    (if (i32.gt_u (local.get $i) (local.get $n)) (then (return (local.get $sum))))
    (local.set $i (i32.add (local.get $i) (i32.const 16))) (br $on))`,
  "br_table out": `(block $out (block $too (loop $on (call_off)
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (block $in (br_table $in $out $too (i32.add (i32.gt_u (local.get $i) (local.get $n))
      (i32.eq (local.get $sum) (i32.const 1000)))))
    (br $on))) (local.set $sum (i32.const -5)))`,
};
const PARTS = "(local $i i32) (local $sum i32)";
const RESULT = "(i32.add (i32.mul (local.get $i) (i32.const 31)) (local.get $sum))";

function functionOf(body: string): string {
  const rounds =
    "(local.set $sum (i32.add (local.get $sum) (i32.xor (local.get $i) (i32.const 1))))";
  return `(func (export "run") (param $n i32) (result i32) ${PARTS}
    ${body.replaceAll("(call_off)", rounds)} ${RESULT})`;
}

for (const [name, body] of Object.entries(COUNTED)) {
  Deno.test(`a loop with a counter and ${name} does the same with checks, wherever one is due`, async () => {
    const bytes = await assemble(
      "loops.wat",
      `(module (memory (export "memory") 1) ${functionOf(body)})`,
    );
    const checked = new CheckedModule(bytes);
    for (const first of [0, 9000]) {
      for (let n = first; n < first + 300; n++) {
        checked.word = 0;
        assertEquals(checked.run(n), checked.plain(n), `of ${n}`);
      }
    }
    assert(checked.asked > 200, `${checked.asked} checks`);
  });
}

const STEP = "(local.set $i (i32.add (local.get $i) (i32.const 1)))";
/** Loops that never end, and look as if they had a counter, or have one. */
const ENDLESS: readonly string[] = [
  `${STEP} (br $on)`,
  `${STEP} (br_if $on (i32.const 1))`,
  `(local.set $i (i32.sub (local.get $i) (i32.const 65536))) (br $on)`,
  `(local.set $i (i32.add (local.get $i) (i32.const 0x800000))) (br $on)`,
  `(local.set $i (i32.add (local.get $i) (i32.const 0x1000000))) (br $on)`,
  `(local.set $i (i32.add (local.get $i) (i32.const 0x80000000))) (br $on)`,
  `(local.set $i (i32.add (local.get $i) (i32.const 0))) (br $on)`,
  `(local.set $i (i32.sub (i32.const 1) (local.get $i))) (br $on)`,
  `${STEP} (local.set $i (i32.const 1)) (br $on)`,
  `${STEP} (local.set $i (i32.sub (local.get $i) (i32.const 1))) (br $on)`,
  `(local.set $i (i32.const 1)) ${STEP} (br $on)`,
  `(drop (i32.add (local.get $i) (i32.const 1))) (local.set $i (i32.const 1)) (br $on)`,
  `(local.set $i (i32.add (local.get $j) (i32.const 1))) (br $on)`,
  `(br_if $on (i32.eqz (local.get $j))) ${STEP} (br $on)`,
  `(block $in (br_if $on (i32.eqz (local.get $j)))) ${STEP} (br $on)`,
  `(block $in (br_if $in (i32.eqz (local.get $j))) ${STEP}) (br $on)`,
  `(if (local.get $j) (then ${STEP})) (br $on)`,
  `(if (local.get $j) (then ${STEP}) (else nop)) (br $on)`,
  `(block $in (br_table $in $on (i32.const 1))) ${STEP} (br $on)`,
  `(block $in (br_table $on $in (i32.const 0))) ${STEP} (br $on)`,
  `${STEP} (block $in (br_table $in $on (i32.const 1)))`,
  `(loop $in (br_if $in (i32.eqz (local.get $j)))) ${STEP} (br $on)`,
  `${STEP} (loop $in ${STEP} (br_if $on (local.get $i)) (br $in))`,
  `${STEP} (call $nothing) (br $on)`,
  `${STEP} (block $in (try_table (catch_all $on) (throw $e)))`,
  `(local.set $k (i64.add (local.get $k) (i64.const 1))) (br $on)`,
];

for (const body of ENDLESS) {
  Deno.test(`the loop ${body} is stopped`, async () => {
    const wat = `(module (memory (export "memory") 1) (tag $e) (func $nothing)
      (func (export "_start") (local $i i32) (local $j i32) (local $k i64) (loop $on ${body})))`;
    await using app = await Fastlike.load(await assemble("endless.wat", wat), {
      limits: { cpu_time: 20 },
    });
    const response = await app.handler(new Request("http://localhost/"));
    assertMatch(await response.text(), /^The guest was stopped: cpu_time 20ms is used up/);
  });
}

/** Finds the counter of a loop of these instructions. */
function found(...body: number[]): Counter | undefined {
  const r = new Reader(Uint8Array.from([...body, Op.end, Op.end]));
  const counter = loopAt(r, body.length + 2)?.counter;
  assertEquals(r.at, 0);
  return counter;
}

function stepOf(...constant: number[]): number[] {
  return [Op.localGet, 3, Op.i32Const, ...constant, Op.i32Add, Op.localSet, 3, Op.branch, 0];
}

Deno.test("the bits of a counter are all 0 in one of some hundred rounds, whatever it starts at", () => {
  const steps: readonly (readonly [number, number[]])[] = [
    [1, [1]],
    [-1, [0x7f]],
    [3, [3]],
    [12, [12]],
    [-40, [0x58]],
    [0x800000, [0x80, 0x80, 0x80, 0x04]],
  ];
  for (const [step, constant] of steps) {
    const { local, mask } = found(...stepOf(...constant))!;
    assertEquals(local, 3);
    for (const start of [0, 1, -1, 12345, 0x7ffffff0]) {
      let value = start;
      let due = 0;
      for (let round = 0; round < 3 * ROUNDS; round++) {
        value = (value + step) | 0;
        if ((value & mask) === 0) due++;
        if (round % ROUNDS === ROUNDS - 1) assertEquals(due, (round + 1) / ROUNDS);
      }
    }
  }
});

Deno.test("a loop has no counter where it could take long for its rounds, or none counts them", () => {
  assert(found(...stepOf(1)));
  const none: readonly number[][] = [
    stepOf(0),
    stepOf(0x80, 0x80, 0x80, 0x80, 0x78), // -2^31
    [...stepOf(1).slice(0, -2)], // no branch
    [...Array.from({ length: 1024 }, () => Op.nop), ...stepOf(1)],
    [Op.call, 0, ...stepOf(1)],
    [Op.callIndirect, 0, 0, ...stepOf(1)],
    [Op.returnCall, 0, ...stepOf(1)],
    [Op.loop, 0x40, Op.end, ...stepOf(1)],
    [Op.branchIf, 0, ...stepOf(1)],
    [Op.branchOnNull, 0, ...stepOf(1)],
    [Op.branchTable, 1, 1, 0, ...stepOf(1)],
    [Op.if, 0x40, Op.branch, 1, Op.end, ...stepOf(1)],
    [Op.if, 0x40, ...stepOf(1).slice(0, -2), Op.end, Op.branch, 0],
    [...stepOf(1).slice(0, -2), ...stepOf(1)],
    [Op.localTee, 3, ...stepOf(1)],
    [Op.localGet, 2, ...stepOf(1).slice(2)],
    [Op.localGet, 3, Op.drop, Op.i32Const, 1, ...stepOf(1).slice(2)],
    [Op.i32Const, 1, Op.localGet, 3, Op.i32Sub, Op.localSet, 3, Op.branch, 0],
  ];
  for (const body of none) assertEquals(found(...body), undefined, `${body}`.slice(0, 80));
});
