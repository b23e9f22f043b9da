import { assemble } from "../../../cli/wat.ts";
import { assert, assertEquals } from "../../assert.ts";
import { CheckedModule } from "./_checked.ts";

/** Functions of a number that leave loops in every way that there is; `$tick` makes the next check due. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  counting: `(result i32) (local $i i32)
    (loop $on (call $tick) (local.set $i (i32.add (local.get $i) (i32.const 3)))
      (br_if $on (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i)`,
  "with a result": `(result i32) (local $i i32)
    (loop $on (result i32) (call $tick) (local.set $i (i32.add (local.get $i) (i32.const 3)))
      (br_if $on (i32.lt_u (local.get $i) (local.get $n)))
      (local.get $i))`,
  "with a parameter": `(result i32)
    (i32.const 1)
    (loop $on (param i32) (result i32) (call $tick)
      (i32.add (i32.const 2)) (br_if $on (i32.lt_u (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 1000))))`,
  "by a branch out of two loops": `(result i32) (local $i i32)
    (block $out
      (loop $a (call $tick)
        (loop $b (call $tick)
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $out (i32.gt_u (local.get $i) (local.get $n)))
          (br_if $b (i32.and (local.get $i) (i32.const 3))))
        (br $a)))
    (local.get $i)`,
  "by br_table": `(result i32) (local $i i32)
    (block $out (result i32)
      (loop $a (result i32) (call $tick)
        (block $mid
          (loop $b (call $tick)
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (block $in (br_table $in $b $a $mid
              (i32.rem_u (i32.mul (local.get $i) (local.get $n)) (i32.const 4))))
            (br_if $b (i32.lt_u (local.get $i) (i32.const 40)))))
        (br_if $a (i32.lt_u (local.get $i) (i32.const 50)))
        (br $out (i32.add (i32.const 100) (local.get $i)))))`,
  "by a return": `(result i32)
    (loop $a (loop $b (call $tick)
      (local.set $n (i32.add (local.get $n) (i32.const 7)))
      (if (i32.gt_u (local.get $n) (i32.const 60)) (then (return (local.get $n))))
      (br $b)))
    (unreachable)`,
  "by a branch to the function": `(result i32)
    (loop $a (result i32) (loop $b (result i32) (call $tick)
      (local.set $n (i32.add (local.get $n) (i32.const 9)))
      (drop (br_if 2 (local.get $n) (i32.gt_u (local.get $n) (i32.const 60))))
      (br $b)))`,
  "by an exception to a try_table around": `(result i32)
    (block $caught (result i32)
      (try_table (catch $e $caught)
        (loop $a (call $tick)
          (local.set $n (i32.add (local.get $n) (i32.const 5)))
          (if (i32.gt_u (local.get $n) (i32.const 50)) (then (throw $e (local.get $n))))
          (br $a)))
      (unreachable))`,
  "by a try_table inside": `(result i32)
    (block $caught (result i32)
      (loop $a (call $tick)
        (block $more (try_table (catch $e $caught) (catch_all $more)
          (local.set $n (i32.add (local.get $n) (i32.const 5)))
          (if (i32.gt_u (local.get $n) (i32.const 50)) (then (throw $e (local.get $n))))
          (throw $other)))
        (br $a))
      (unreachable))`,
  "by rethrow": `(result i32)
    (try (result i32) (do
      (loop $a (result i32) (call $tick)
        (try $inner (result i32) (do
          (local.set $n (i32.add (local.get $n) (i32.const 5)))
          (if (i32.gt_u (local.get $n) (i32.const 50)) (then (throw $e (local.get $n))))
          (br $a))
        (catch_all (loop $b (call $tick) (rethrow $inner)) (unreachable)))))
      (catch $e))`,
  "by delegate": `(result i32)
    (try $outer (result i32) (do
      (try (result i32) (do
        (loop $a (result i32) (call $tick)
          (loop $b (call $tick)
            (try (do
              (local.set $n (i32.add (local.get $n) (i32.const 5)))
              (if (i32.gt_u (local.get $n) (i32.const 50)) (then (throw $e (local.get $n)))))
              (delegate $outer))
            (br $b))
          (br $a)))
        (catch_all (i32.const -1))))
      (catch $e))`,
};

function moduleOf(name: string): Promise<Uint8Array> {
  return assemble(
    "loops.wat",
    `(module
      (import "h" "tick" (func $tick))
      (tag $e (param i32)) (tag $other)
      (memory (export "memory") 1)
      (func (export "run") (param $n i32) ${FUNCTIONS[name]}))`,
  );
}

for (const name of Object.keys(FUNCTIONS)) {
  Deno.test(`a loop that is left ${name} does the same with checks, wherever one is due`, async () => {
    let ticks = 0;
    const checked = new CheckedModule(await moduleOf(name), (module) => {
      module.word = ++ticks % 3 ? 0 : 1;
    });
    for (let n = 0; n < 50; n++) assertEquals(checked.run(n), checked.plain(n), `of ${n}`);
    assert(checked.asked > 20, `${checked.asked} checks`);
  });
}
