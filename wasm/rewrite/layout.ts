import { Id, Reader, type Section, sections } from "./binary.ts";
import { instruction, Op, UnknownForm, valueType } from "./instructions.ts";
import { type Types, typesOf } from "./types.ts";

/** Known flags of limits. */
const HAS_MAXIMUM = 1;
const SHARED = 2;
const WIDE = 4;
const MAX_PAGES = 65536;
/** Maximum number of elements of a table in V8 (`kV8MaxWasmTableSize`). */
const MAX_ELEMENTS = 10_000_000;
/** First byte of a table with an initial value for its elements. */
const WITH_VALUE = 0x40;

/** Kinds of imports and exports, by their number in the format. */
export const KINDS = ["function", "table", "memory", "global", "tag"] as const;
export type Kind = typeof KINDS[number];

/** Mutable global of a module. */
interface MutableGlobal {
  readonly index: number;
  /** Bytes of the type. */
  readonly type: Uint8Array;
  /** Bytes of the initializer, `end` included. */
  readonly value: Uint8Array;
}

/** Limits of a memory in pages, or of a table in elements. */
interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Whether addresses or indices have 64 bits. */
  readonly wide: boolean;
}

/** Limits of one of a module's own memories. */
export interface MemoryBounds extends Bounds {
  readonly shared: boolean;
}

/** Limits of one of a module's own tables. */
export interface TableBounds extends Bounds {
  /** Bytes of the elements' type. */
  readonly type: Uint8Array;
}

/** Import of a module. */
export interface Import {
  readonly module: string;
  readonly name: string;
  readonly kind: Kind;
}

/** Export of a module. */
export interface Export {
  readonly name: string;
  readonly kind: Kind;
}

/** Structure of a module that V8 has found valid, as far as policies and rewriting need it. */
export interface Layout {
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  find(id: number): Section | undefined;
  /** Returns the number of entries in a section; 0 if there is no section. */
  count(id: number): number;
  readonly types: Types;
  readonly imports: readonly Import[];
  /** Number of imports of each kind. */
  readonly imported: Readonly<Record<Kind, number>>;
  readonly exports: readonly Export[];
  readonly memories: readonly MemoryBounds[];
  readonly tables: readonly TableBounds[];
}

/** State of a module's instances that a reset restores. */
interface ModuleState {
  /** Initial size of the only memory, in pages. */
  readonly min: number;
  readonly mutable: readonly MutableGlobal[];
  /** Number of parameters of each of the module's own functions. */
  readonly parameters: readonly number[];
}

/**
 * Reads a module's structure, in time linear in its size.
 *
 * @param bytes Bytes of a valid module, whose sections are in order and not repeated.
 * @throws {UnknownForm} If the module has a form that is not known here. The message completes "because".
 */
export function layoutOf(bytes: Uint8Array): Layout {
  const all = sections(bytes);
  const byId = new Map(all.map((section) => [section.id, section]));
  const find = (id: number) => byId.get(id);
  const imports = importsOf(bytes, find(Id.import));
  const imported = { function: 0, table: 0, memory: 0, global: 0, tag: 0 };
  for (const { kind } of imports) imported[kind]++;
  return {
    bytes,
    sections: all,
    find,
    count(id) {
      const section = find(id);
      return section ? new Reader(bytes, section.body).unsigned() : 0;
    },
    types: typesOf(bytes, find(Id.type)),
    imports,
    imported,
    exports: exportsOf(bytes, find(Id.export)),
    memories: entriesOf(bytes, find(Id.memory), memoryBounds),
    tables: entriesOf(bytes, find(Id.table), tableBounds),
  };
}

/**
 * Finds the state that a reset has to restore.
 *
 * @param part Whether the module is of a component, where its memory may be another module's.
 * @throws {UnknownForm} If a reset might not be complete. The message completes "because".
 */
export function stateOf(layout: Layout, part = false): ModuleState {
  const { bytes, find, imported, memories, types } = layout;
  const several = memories.length + (part ? imported.memory : 0);
  if (several > 1) throw new UnknownForm("it has several memories");
  if (!memories.length && !part) throw new UnknownForm("it has no memory");
  const { min = 0, shared = false } = memories[0] ?? {};
  if (shared) throw new UnknownForm("its memory is shared");
  if (types.objects) throw new UnknownForm("it has types of garbage collection");
  return {
    min,
    mutable: mutableGlobals(bytes, find(Id.global), imported.global),
    parameters: entriesOf(bytes, find(Id.function), (r) => types.parameters[r.unsigned()]!),
  };
}

/** Reads all entries of a section; none if there is no section. */
function entriesOf<T>(
  bytes: Uint8Array,
  section: Section | undefined,
  read: (r: Reader) => T,
): T[] {
  const entries: T[] = [];
  if (!section) return entries;
  const r = new Reader(bytes, section.body);
  for (let left = r.unsigned(); left > 0; left--) entries.push(read(r));
  return entries;
}

function importsOf(bytes: Uint8Array, section: Section | undefined): Import[] {
  return entriesOf(bytes, section, (r) => {
    const module = r.name();
    const name = r.name();
    const kind = kindOf(r.byte());
    skipImported(r, kind);
    return { module, name, kind };
  });
}

function exportsOf(bytes: Uint8Array, section: Section | undefined): Export[] {
  return entriesOf(bytes, section, (r) => {
    const name = r.name();
    const kind = kindOf(r.byte());
    r.skipNumber(); // its index
    return { name, kind };
  });
}

function kindOf(number: number): Kind {
  const kind = KINDS[number];
  if (!kind) {
    throw new UnknownForm(
      `it has imports or exports of the kind ${number}, which this host does not know`,
    );
  }
  return kind;
}

/** Skips the type of an import. */
function skipImported(r: Reader, kind: Kind): void {
  if (kind === "tag") r.byte();
  if (kind === "table" || kind === "global") valueType(r);
  if (kind === "table" || kind === "memory") bounds(r, Infinity);
  else if (kind === "global") r.byte();
  else r.skipNumber();
}

function memoryBounds(r: Reader): MemoryBounds {
  return bounds(r, MAX_PAGES);
}

function tableBounds(r: Reader): TableBounds {
  const hasValue = r.bytes[r.at] === WITH_VALUE;
  if (hasValue) r.at += 2;
  const start = r.at;
  valueType(r);
  const type = r.bytes.subarray(start, r.at);
  const { min, max, wide } = bounds(r, MAX_ELEMENTS);
  if (hasValue) skipExpression(r);
  return { min, max: Math.min(max, MAX_ELEMENTS), wide, type };
}

function bounds(r: Reader, otherwise: number): MemoryBounds {
  const flags = r.byte();
  if (flags & ~(HAS_MAXIMUM | SHARED | WIDE)) {
    throw new UnknownForm(
      `it has limits with the flags 0x${flags.toString(16)}, which this host does not know`,
    );
  }
  const min = r.unsigned();
  const max = flags & HAS_MAXIMUM ? r.unsigned() : otherwise;
  return { min, max, wide: (flags & WIDE) !== 0, shared: (flags & SHARED) !== 0 };
}

function skipExpression(r: Reader): void {
  while (instruction(r) !== Op.end);
}

function mutableGlobals(
  bytes: Uint8Array,
  section: Section | undefined,
  first: number,
): MutableGlobal[] {
  const found: MutableGlobal[] = [];
  let index = first;
  entriesOf(bytes, section, (r) => {
    const start = r.at;
    valueType(r);
    const type = bytes.subarray(start, r.at);
    const mutable = r.byte() === 1;
    const from = r.at;
    skipExpression(r);
    if (mutable) found.push({ index, type, value: bytes.subarray(from, r.at) });
    index++;
  });
  return found;
}
