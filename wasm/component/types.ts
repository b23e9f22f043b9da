import type { GuestBytes } from "./guest_bytes.ts";
import type { CallScope, InstanceState, ResourceType } from "./handles.ts";
import { trap } from "./trap.ts";

/** Types of core WebAssembly that a value crosses as. */
export type CoreType = "i32" | "i64" | "f32" | "f64";
/** A value of core WebAssembly. */
export type CoreValue = number | bigint;

/** How strings are encoded in a guest's memory. */
export type Encoding = "utf8" | "utf16" | "latin1+utf16";

/** What values of one call are read from and written to. */
export interface LiftLowerContext {
  readonly instance: InstanceState;
  readonly scope: CallScope;
  readonly memory: GuestBytes | undefined;
  readonly encoding: Encoding;
  /** Has the guest allocate. */
  readonly allocate: ((align: number, size: number) => number) | undefined;
}

/** Words that a value is read from, one after another. */
interface CoreValueIterator {
  readonly values: readonly CoreValue[];
  at: number;
}

/**
 * A type of the component model, with how its values cross (the canonical ABI). In JavaScript a record and a tuple is
 * an array, a variant `{ tag, value }`, a result `{ ok, value }`, an enum its number, flags a number, a list of `u8` a
 * `Uint8Array`, an option its value or `undefined`, and a handle what stands for its resource.
 */
export interface Type {
  readonly kind: string;
  /** Bytes that it takes in memory, and what its address is a multiple of. */
  readonly size: number;
  readonly align: number;
  /** How it crosses as words; undefined if that takes too many. */
  readonly flat: readonly CoreType[] | undefined;
  /** What two types of a kind have in common if they are the same. */
  readonly names?: readonly string[];
  readonly parts?: readonly (Type | undefined)[];
  readonly resource?: ResourceType;
  load(cx: LiftLowerContext, at: number): unknown;
  store(cx: LiftLowerContext, at: number, value: unknown): void;
  lift(cx: LiftLowerContext, words: CoreValueIterator): unknown;
  lower(cx: LiftLowerContext, value: unknown, out: CoreValue[]): void;
}

/** Most words that parameters cross as; more go through memory. */
export const MAX_FLAT = 16;
/** Largest value in memory, in bytes, for sums of sizes not to overflow. */
const MAX_SIZE = 2 ** 30;

/** The words of several values in a row; undefined if they are too many. */
export function flatOf(types: readonly Type[]): readonly CoreType[] | undefined {
  const words: CoreType[] = [];
  for (const { flat } of types) {
    if (!flat || words.length + flat.length > MAX_FLAT) return undefined;
    words.push(...flat);
  }
  return words;
}

/** A function's type. */
export interface FunctionType {
  readonly names: readonly string[];
  readonly params: readonly Type[];
  readonly result: Type | undefined;
}

/** The memory of a call; traps if its function names none. */
export function memoryOf({ memory }: LiftLowerContext): GuestBytes {
  return memory ?? trap("Cannot pass a value through memory: the function names none");
}

/** Traps if an address is not aligned. */
export function checkAligned(at: number, align: number): number {
  const address = at >>> 0;
  return address % align ? trap(`Cannot use the address ${address}: it is not aligned`) : address;
}

/** Allocates in the guest. */
export function allocate(cx: LiftLowerContext, align: number, size: number): number {
  if (!cx.allocate) trap("Cannot pass a value through memory: the function has no realloc");
  const at = checkAligned(cx.allocate(align, size), align);
  memoryOf(cx).span(at, size);
  return at;
}

/** @throws {RangeError} If it takes too much. */
export function align(at: number, to: number): number {
  const aligned = Math.ceil(at / to) * to;
  if (aligned > MAX_SIZE) throw new RangeError("a type is too large");
  return aligned;
}
