import { MarkedModule } from "./_marked.ts";

/** Fields around `run`, a function of an address and a number. */
const FIELDS = `(tag $e) (global $sp (mut i32) (i32.const 65536))
  (global $other (mut i32) (i32.const 4096)) (export "sp" (global $sp))
  (func $nothing) (func $one (result i32) (i32.const 1))
  (func $moves (global.set $sp (i32.const 9000)))
  (func $below (param i32) (i32.store (i32.sub (local.get 0) (i32.const 4)) (i32.const -1)))`;

/** Makes a module of the body of `run`. */
export function moduleOf(body: string): Promise<MarkedModule> {
  return MarkedModule.of(`${FIELDS} (func (export "run") (param $p i32) (param $n i32)
    (local $q i32) (local $i i32) (local $l i64) ${body})`);
}

/** A store of four bytes. */
export function store(address: string, offset = 0): string {
  return `(i32.store offset=${offset} ${address} (i32.const -1))`;
}

/** The address. */
export const P = "(local.get $p)";
/** Sets the address to one that is so many bytes further. */
export const next = (by: number) => `(local.set $p (i32.add ${P} (i32.const ${by})))`;

/** Begins the loop anew, for four rounds in all. */
export function again(): string {
  return `(br_if 0 (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3)))`;
}

/** A mark of `$below` is in every module. */
export const BELOW = 1;
