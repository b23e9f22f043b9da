import type { GuestBytes } from "./guest_bytes.ts";
import type { CallScope, InstanceState, ResourceType } from "./handles.ts";
import { trap } from "./trap.ts";

/** Type of a core WebAssembly value. */
export type CoreType = "i32" | "i64" | "f32" | "f64";
/** Core WebAssembly value. */
export type CoreValue = number | bigint;

/** Encoding of strings in a guest's memory. */
export type Encoding = "utf8" | "utf16" | "latin1+utf16";

/** Context in which the values of one call are read and written (`LiftLowerContext` of the canonical ABI). */
export interface LiftLowerContext {
  readonly instance: InstanceState;
  readonly scope: CallScope;
  readonly memory: GuestBytes | undefined;
  readonly encoding: Encoding;
  /** Bytes that the call may still take from the guest, beyond the size of its memory. */
  left: number;
  /** Calls the guest's `realloc` for a new block. */
  readonly allocate: ((align: number, size: number) => number) | undefined;
}

/** Position in a list of core values that are read one after another. */
interface CoreValueIterator {
  readonly values: readonly CoreValue[];
  at: number;
}

/**
 * Type of the component model, with the conversions of its values (the canonical ABI). In JavaScript a record and a tuple
 * is an array, a variant `{ tag, value }`, a result `{ ok, value }`, an enum its number, flags a number, a list of `u8` a
 * `Uint8Array`, an option its value or `undefined`, and a handle the representation of its resource.
 */
export interface Type {
  readonly kind: string;
  /** Size in memory, in bytes. */
  readonly size: number;
  /** Alignment in memory, in bytes. */
  readonly align: number;
  /** Most JavaScript values that one of its values consists of, without those in lists; by default 1. */
  readonly weight?: number;
  /** Core types of the values that it is flattened to; undefined if there are too many. */
  readonly flat: readonly CoreType[] | undefined;
  /** Names of fields, cases or flags. Two types are the same if their kinds, names, parts and resources are. */
  readonly names?: readonly string[];
  /** Types of elements or payloads. */
  readonly parts?: readonly (Type | undefined)[];
  readonly resource?: ResourceType;
  load(cx: LiftLowerContext, at: number): unknown;
  store(cx: LiftLowerContext, at: number, value: unknown): void;
  lift(cx: LiftLowerContext, words: CoreValueIterator): unknown;
  lower(cx: LiftLowerContext, value: unknown, out: CoreValue[]): void;
}

/** Maximum number of core values for parameters; more are passed through memory (`MAX_FLAT_PARAMS`). */
export const MAX_FLAT = 16;
/** Largest size of a type, in bytes, so that sums of sizes do not overflow. */
const MAX_SIZE = 2 ** 30;

/** Largest weight of a type: types of few bytes may stand for more values than the host has memory for. */
const MAX_WEIGHT = 2 ** 16;

/**
 * Returns the weight of a type whose values consist of values of some types.
 *
 * @throws {RangeError} If it is too large.
 */
export function weightOf(parts: readonly Type[]): number {
  const weight = parts.reduce((sum, part) => sum + (part.weight ?? 1), 1);
  if (weight > MAX_WEIGHT) throw new RangeError("a type is too large");
  return weight;
}

/** Returns the core types of several values in a row; undefined if there are too many. */
export function flatOf(types: readonly Type[]): readonly CoreType[] | undefined {
  const words: CoreType[] = [];
  for (const { flat } of types) {
    if (!flat || words.length + flat.length > MAX_FLAT) return undefined;
    words.push(...flat);
  }
  return words;
}

/** Type of a function. */
export interface FunctionType {
  readonly names: readonly string[];
  readonly params: readonly Type[];
  readonly result: Type | undefined;
}

/** Returns the memory of a call; traps if its function has none. */
export function memoryOf({ memory }: LiftLowerContext): GuestBytes {
  return memory ?? trap("Cannot pass a value through memory: the function names none");
}

/** Bytes of texts and lists that a call may take from a guest besides the size of its memory. */
export const FREE_BYTES = 2 ** 24;

/**
 * Counts bytes of a text or list that is taken from a guest. Texts and lists may overlap, so that a small memory could
 * hold more of them than the host does: a call traps that takes much more than the memory's size.
 */
export function spend(cx: LiftLowerContext, bytes: number): void {
  cx.left -= bytes;
  if (cx.left < 0 && cx.left + memoryOf(cx).size < 0) {
    trap(
      "Cannot take texts and lists from the component that are longer than its memory, in one call",
    );
  }
}

/** Returns an address as an unsigned number; traps if it is not aligned. */
export function checkAligned(at: number, align: number): number {
  const address = at >>> 0;
  return address % align ? trap(`Cannot use the address ${address}: it is not aligned`) : address;
}

/** Allocates memory in the guest. */
export function allocate(cx: LiftLowerContext, align: number, size: number): number {
  if (!cx.allocate) trap("Cannot pass a value through memory: the function has no realloc");
  const at = checkAligned(cx.allocate(align, size), align);
  memoryOf(cx).span(at, size);
  return at;
}

/**
 * Rounds an offset up to a multiple.
 *
 * @throws {RangeError} If the result is too large for a type.
 */
export function align(at: number, to: number): number {
  const aligned = Math.ceil(at / to) * to;
  if (aligned > MAX_SIZE) throw new RangeError("a type is too large");
  return aligned;
}
