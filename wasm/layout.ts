import { Id, Reader, type Section, sections } from "./binary.ts";
import { instruction, Op, UnknownForm, valueType } from "./instructions.ts";

const FUNCTION_TYPE = 0x60;
/** Flags of limits: a maximum, and nothing else (shared, addresses of 64 bits, pages of another size). */
const HAS_MAXIMUM = 1;

/** A mutable global. */
export interface MutableGlobal {
  readonly index: number;
  /** Its type and its first value, as the module has them. */
  readonly type: Uint8Array;
  readonly value: Uint8Array;
}

/** What a rewriter must know of a module. */
export interface Layout {
  readonly sections: readonly Section[];
  find(id: number): Section | undefined;
  /** How many entries a section has. */
  count(id: number): number;
  /** Imported and own functions, and globals. */
  readonly functions: number;
  readonly globals: number;
  readonly mutable: readonly MutableGlobal[];
  /** Pages of its memory. */
  readonly least: number;
  readonly most: number;
  /** How many parameters each of its own functions has. */
  readonly parameters: readonly number[];
}

/** @throws {UnknownForm} If it has a form of which a reset is not known to be complete. */
export function layoutOf(bytes: Uint8Array): Layout {
  const all = sections(bytes);
  const find = (id: number) => all.find((section) => section.id === id);
  const count = (id: number) => {
    const section = find(id);
    return section ? new Reader(bytes, section.body).unsigned() : 0;
  };
  const imported = imports(bytes, find(Id.import));
  if (imported.memories) throw new UnknownForm("its memory is imported");
  if (count(Id.memory) !== 1) throw new UnknownForm("it has several memories");
  if (imported.tables) throw new UnknownForm("its table is imported");
  for (const id of [Id.type, Id.function, Id.export, Id.code]) {
    if (!find(id)) throw new UnknownForm("it has no code of its own");
  }
  const { least, most, flags } = limits(new Reader(bytes, find(Id.memory)!.body + 1));
  if (flags & ~HAS_MAXIMUM) throw new UnknownForm("its memory is shared, or not of 32 bits");
  return {
    sections: all,
    find,
    count,
    functions: imported.functions + count(Id.function),
    globals: imported.globals + count(Id.global),
    mutable: mutableGlobals(bytes, find(Id.global), imported.globals),
    least,
    most,
    parameters: parameterCounts(bytes, find(Id.type)!, find(Id.function)!),
  };
}

function imports(bytes: Uint8Array, section: Section | undefined) {
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

function limits(r: Reader): { flags: number; least: number; most: number } {
  const flags = r.byte();
  const least = r.unsigned();
  return { flags, least, most: flags & HAS_MAXIMUM ? r.unsigned() : 65536 };
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
