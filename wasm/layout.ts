import { Id, Reader, type Section, sections } from "./binary.ts";
import { instruction, Op, UnknownForm, valueType } from "./instructions.ts";

const FUNCTION_TYPE = 0x60;
/** Flags of limits; all others are for forms that are not known here. */
const HAS_MAXIMUM = 1;
const SHARED = 2;
const MOST_PAGES = 65536;

/** A mutable global. */
export interface MutableGlobal {
  readonly index: number;
  /** Its type and its first value, as the module has them. */
  readonly type: Uint8Array;
  readonly value: Uint8Array;
}

/** One of the module's memories. */
export interface MemoryLimits {
  /** Pages. */
  readonly least: number;
  readonly most: number;
  readonly shared: boolean;
}

/** What a rewriter must know of a module. */
export interface Layout {
  readonly sections: readonly Section[];
  find(id: number): Section | undefined;
  /** How many entries a section has. */
  count(id: number): number;
  readonly imported: Imported;
  readonly memories: readonly MemoryLimits[];
}

/** How much of what a module imports. */
export interface Imported {
  readonly functions: number;
  readonly tables: number;
  readonly memories: number;
  readonly globals: number;
}

/** What a rewriter must know of the state of a module's instances, to put it back. */
export interface State {
  /** Pages of its only memory. */
  readonly least: number;
  readonly most: number;
  /** Imported and own functions, and globals. */
  readonly functions: number;
  readonly globals: number;
  readonly mutable: readonly MutableGlobal[];
  /** How many parameters each of its own functions has. */
  readonly parameters: readonly number[];
}

/** @throws {UnknownForm} If it has a form in which nothing can be added. */
export function layoutOf(bytes: Uint8Array): Layout {
  const all = sections(bytes);
  const find = (id: number) => all.find((section) => section.id === id);
  const count = (id: number) => {
    const section = find(id);
    return section ? new Reader(bytes, section.body).unsigned() : 0;
  };
  const imported = importsOf(bytes, find(Id.import));
  if (imported.memories) throw new UnknownForm("its memory is imported");
  for (const id of [Id.type, Id.function, Id.memory, Id.export, Id.code]) {
    if (!find(id)) throw new UnknownForm("it has no code or no memory of its own");
  }
  return { sections: all, find, count, imported, memories: memoriesOf(bytes, find(Id.memory)!) };
}

/** @throws {UnknownForm} If a reset is not known to be complete. */
export function stateOf(bytes: Uint8Array, { find, count, imported, memories }: Layout): State {
  if (memories.length !== 1) throw new UnknownForm("it has several memories");
  if (imported.tables) throw new UnknownForm("its table is imported");
  const { least, most, shared } = memories[0]!;
  if (shared) throw new UnknownForm("its memory is shared");
  return {
    least,
    most,
    functions: imported.functions + count(Id.function),
    globals: imported.globals + count(Id.global),
    mutable: mutableGlobals(bytes, find(Id.global), imported.globals),
    parameters: parameterCounts(bytes, find(Id.type)!, find(Id.function)!),
  };
}

function importsOf(bytes: Uint8Array, section: Section | undefined): Imported {
  const counts = { functions: 0, tables: 0, memories: 0, globals: 0 };
  if (!section) return counts;
  const r = new Reader(bytes, section.body);
  for (let left = r.unsigned(); left > 0; left--) {
    r.skipName();
    r.skipName();
    switch (r.byte()) {
      case 0:
        r.skipNumber();
        counts.functions++;
        break;
      case 1:
        valueType(r);
        limits(r);
        counts.tables++;
        break;
      case 2:
        limits(r);
        counts.memories++;
        break;
      case 3:
        valueType(r);
        r.at++;
        counts.globals++;
        break;
      case 4: // a tag
        r.at++;
        r.skipNumber();
        break;
      default:
        throw new UnknownForm("it imports what this host does not know");
    }
  }
  return counts;
}

function memoriesOf(bytes: Uint8Array, section: Section): MemoryLimits[] {
  const r = new Reader(bytes, section.body);
  return Array.from({ length: r.unsigned() }, () => {
    const { flags, least, most } = limits(r);
    if (flags & ~(HAS_MAXIMUM | SHARED)) throw new UnknownForm("its memory is not of 32 bits");
    return { least, most, shared: (flags & SHARED) !== 0 };
  });
}

function limits(r: Reader): { flags: number; least: number; most: number } {
  const flags = r.byte();
  const least = r.unsigned();
  return { flags, least, most: flags & HAS_MAXIMUM ? r.unsigned() : MOST_PAGES };
}

function mutableGlobals(
  bytes: Uint8Array,
  section: Section | undefined,
  first: number,
): MutableGlobal[] {
  const found: MutableGlobal[] = [];
  if (!section) return found;
  const r = new Reader(bytes, section.body);
  const end = first + r.unsigned();
  for (let index = first; index < end; index++) {
    const start = r.at;
    valueType(r);
    const type = bytes.subarray(start, r.at);
    const mutable = r.byte() === 1;
    const from = r.at;
    while (instruction(r) !== Op.end);
    if (mutable) found.push({ index, type, value: bytes.subarray(from, r.at) });
  }
  return found;
}

function parameterCounts(bytes: Uint8Array, types: Section, functions: Section): number[] {
  const byType: number[] = [];
  const r = new Reader(bytes, types.body);
  for (let left = r.unsigned(); left > 0; left--) {
    if (r.byte() !== FUNCTION_TYPE) throw new UnknownForm("it has types of garbage collection");
    const parameters = r.unsigned();
    byType.push(parameters);
    for (let i = 0; i < parameters; i++) valueType(r);
    for (let results = r.unsigned(); results > 0; results--) valueType(r);
  }
  const f = new Reader(bytes, functions.body);
  return Array.from({ length: f.unsigned() }, () => byType[f.unsigned()]!);
}
