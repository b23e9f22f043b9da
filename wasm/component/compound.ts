import type { ResourceType } from "./handles.ts";
import { PRIMITIVES } from "./plain.ts";
import {
  align,
  type CoreType,
  type CoreValue,
  flatOf,
  type LiftLowerContext,
  MAX_FLAT,
  memoryOf,
  type Type,
  weightOf,
} from "./types.ts";
import { trap } from "./trap.ts";

// Records, tuples, flags

/**
 * Makes the type of a record, or of a tuple.
 *
 * @param names Names of a record's fields; none for a tuple.
 */
export function record(parts: readonly Type[], names: readonly string[] = []): Type {
  let size = 0;
  let max = 1;
  const offsets = parts.map((part) => {
    const at = align(size, part.align);
    size = align(at + part.size, 1);
    max = Math.max(max, part.align);
    return at;
  });
  return {
    kind: names.length ? "record" : "tuple",
    size: align(size, max),
    align: max,
    weight: weightOf(parts),
    flat: flatOf(parts),
    names,
    parts,
    load: (cx, at) => parts.map((part, i) => part.load(cx, at + offsets[i]!)),
    store(cx, at, value) {
      const values = value as readonly unknown[];
      parts.forEach((part, i) => part.store(cx, at + offsets[i]!, values[i]));
    },
    lift: (cx, words) => parts.map((part) => part.lift(cx, words)),
    lower(cx, value, out) {
      const values = value as readonly unknown[];
      parts.forEach((part, i) => part.lower(cx, values[i], out));
    },
  };
}

/**
 * Makes a type of flags, whose value is a number with a bit for each flag.
 *
 * @throws {RangeError} If there are more than 32 names, which the component model does not allow.
 */
export function flags(names: readonly string[]): Type {
  if (names.length > 32) throw new RangeError("a type has more than 32 flags");
  const number = names.length <= 8
    ? PRIMITIVES.u8
    : names.length <= 16
    ? PRIMITIVES.u16
    : PRIMITIVES.u32;
  const known = names.length === 32 ? 0xffff_ffff : 2 ** names.length - 1;
  return {
    ...number,
    kind: "flags",
    names,
    load: (cx, at) => ((number.load(cx, at) as number) & known) >>> 0,
    lift: (cx, words) => ((number.lift(cx, words) as number) & known) >>> 0,
  };
}

// Variants, enums, options, results

/** Representation of a variant in JavaScript. */
interface Cases {
  readonly make: (tag: number, value: unknown) => unknown;
  readonly tagOf: (value: unknown) => number;
  readonly valueOf: (value: unknown) => unknown;
}

const VARIANT: Cases = {
  make: (tag, value) => ({ tag, value }),
  tagOf: (value) => (value as { tag: number }).tag,
  valueOf: ({ value }: { value: unknown }) => value,
} as Cases;
const ENUM: Cases = { make: (tag) => tag, tagOf: Number, valueOf: () => undefined };
const RESULT: Cases = {
  make: (tag, value) => ({ ok: tag === 0, value }),
  tagOf: (value) => (value as { ok: boolean }).ok ? 0 : 1,
  valueOf: ({ value }: { value: unknown }) => value,
} as Cases;
const OPTION: Cases = {
  make: (_, value) => value,
  tagOf: (value) => value === undefined ? 0 : 1,
  valueOf: (value) => value,
};
/** Option of an option: the inner option is in an array, so that its absence differs from the outer one's. */
const NESTED: Cases = {
  make: (tag, value) => tag ? [value] : undefined,
  tagOf: (value) => value === undefined ? 0 : 1,
  valueOf: (value) => (value as [unknown])[0],
};

/** Makes the type of a variant; `parts` are the payloads of its cases. */
export function variant(names: readonly string[], parts: readonly (Type | undefined)[]): Type {
  return cases("variant", names, parts, VARIANT);
}

/** Makes the type of an enum, whose value is the number of the case. */
export function enumeration(names: readonly string[]): Type {
  return cases("enum", names, names.map(() => undefined), ENUM);
}

/** Makes the type of an option. */
export function option(some: Type): Type {
  return cases("option", [], [undefined, some], some.kind === "option" ? NESTED : OPTION);
}

/** Makes the type of a result. */
export function result(ok: Type | undefined, error: Type | undefined): Type {
  return cases("result", [], [ok, error], RESULT);
}

function cases(
  kind: string,
  names: readonly string[],
  parts: readonly (Type | undefined)[],
  { make, tagOf, valueOf }: Cases,
): Type {
  const count = parts.length;
  const number = count <= 256 ? PRIMITIVES.u8 : count <= 65536 ? PRIMITIVES.u16 : PRIMITIVES.u32;
  const max = parts.reduce((max, part) => Math.max(max, part?.align ?? 1), number.size);
  const payload = align(
    number.size,
    parts.reduce((max, part) => Math.max(max, part?.align ?? 1), 1),
  );
  const size = parts.reduce((size, part) => Math.max(size, part?.size ?? 0), 0);
  const flat = joined(parts);
  const check = (tag: number) =>
    tag < count ? tag : trap(`Cannot use case ${tag} of a ${kind}: it has ${count}`);
  const weight = parts.reduce((max, part) => Math.max(max, part ? weightOf([part]) : 1), 1);
  return {
    kind,
    size: align(payload + size, max),
    align: max,
    weight,
    flat,
    names,
    parts,
    load(cx, at) {
      const tag = check(number.load(cx, at) as number);
      return make(tag, parts[tag]?.load(cx, at + payload));
    },
    store(cx, at, value) {
      const tag = tagOf(value);
      number.store(cx, at, tag);
      parts[tag]?.store(cx, at + payload, valueOf(value));
    },
    lift(cx, words) {
      const tag = check(words.values[words.at++] as number >>> 0);
      const start = words.at;
      words.at += flat!.length - 1;
      const part = parts[tag];
      if (!part) return make(tag, undefined);
      const own = part.flat!.map((want, i) =>
        narrowed(words.values[start + i]!, flat![i + 1]!, want)
      );
      return make(tag, part.lift(cx, { values: own, at: 0 }));
    },
    lower(cx, value, out) {
      const tag = tagOf(value);
      out.push(tag);
      const own: CoreValue[] = [];
      const part = parts[tag];
      part?.lower(cx, valueOf(value), own);
      for (let i = 1; i < flat!.length; i++) {
        const have = part?.flat?.[i - 1];
        out.push(widened(own[i - 1], have, flat![i]!));
      }
    },
  };
}

/** Returns the core types of a variant: the number of the case, then values wide enough for the payload of any case. */
function joined(parts: readonly (Type | undefined)[]): readonly CoreType[] | undefined {
  const words: CoreType[] = ["i32"];
  for (const part of parts) {
    if (!part) continue;
    if (!part.flat || part.flat.length >= MAX_FLAT) return undefined;
    part.flat.forEach((flat, i) => words[i + 1] = join(words[i + 1], flat));
  }
  return words;
}

function join(one: CoreType | undefined, other: CoreType): CoreType {
  if (one === undefined || one === other) return other;
  const short = (flat: CoreType) => flat === "i32" || flat === "f32";
  return short(one) && short(other) ? "i32" : "i64";
}

/** Views of the same bytes, to reinterpret a core value of one type as another. */
const I32 = new Int32Array(2);
const I64 = new BigInt64Array(I32.buffer);
const F32 = new Float32Array(I32.buffer);
const F64 = new Float64Array(I32.buffer);

function narrowed(word: CoreValue, have: CoreType, want: CoreType): CoreValue {
  if (have === want) return word;
  if (have === "i64") I64[0] = word as bigint;
  else I32[0] = word as number;
  if (want === "i32") return I32[0]!;
  return want === "f32" ? F32[0]! : F64[0]!;
}

function widened(
  word: CoreValue | undefined,
  have: CoreType | undefined,
  want: CoreType,
): CoreValue {
  if (word === undefined || have === undefined) return want === "i64" ? 0n : 0;
  if (have === want) return word;
  I64[0] = 0n;
  if (have === "i32") I32[0] = word as number;
  else if (have === "f32") F32[0] = word as number;
  else F64[0] = word as number;
  return want === "i64" ? I64[0]! : I32[0]!;
}

// Handles

function handle(
  kind: string,
  resource: ResourceType,
  lift: (cx: LiftLowerContext, number: number) => number,
  lower: (cx: LiftLowerContext, representation: number) => number,
): Type {
  return {
    kind,
    size: 4,
    align: 4,
    flat: ["i32"],
    resource,
    load: (cx, at) => lift(cx, memoryOf(cx).from(at, 4).getUint32(at, true)),
    store: (cx, at, value) =>
      memoryOf(cx).to(at, 4).setUint32(at, lower(cx, value as number), true),
    lift: (cx, words) => lift(cx, words.values[words.at++] as number),
    lower: (cx, value, out) => void out.push(lower(cx, value as number)),
  };
}

/** Makes the type of an owned handle. */
export function own(resource: ResourceType): Type {
  return handle("own", resource, ({ instance }, number) => {
    const entry = instance.get(resource, number);
    if (!entry.own) trap(`Cannot give up the handle ${number >>> 0}: it is borrowed`);
    return instance.remove(resource, number).representation;
  }, ({ instance }, representation) => instance.add(resource, representation, true));
}

/** Makes the type of a borrowed handle. */
export function borrow(resource: ResourceType): Type {
  return handle("borrow", resource, ({ instance, scope }, number) => {
    const entry = instance.get(resource, number);
    if (entry.own) {
      entry.lends++;
      scope.lent.push(entry);
    }
    return entry.representation;
  }, ({ instance, scope }, representation) => {
    if (resource.owner === instance) return representation;
    scope.borrowed++;
    return instance.add(resource, representation, false, scope);
  });
}
