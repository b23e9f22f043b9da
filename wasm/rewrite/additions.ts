import { Id, Reader, SECTION_ORDER, Writer } from "./binary.ts";
import { type BranchHints, copyWithoutHints } from "./branch_hints.ts";
import type { Kind, Layout } from "./layout.ts";
import { KINDS } from "./layout.ts";
import type { Offsets } from "./offsets.ts";

const FUNCTION_TYPE = 0x60;
const MUTABLE = 1;
/** Flags of a memory's limits. */
const HAS_MAXIMUM = 1;
const SHARED = 2;

/** Writes an entry of a section. */
type Entry = (w: Writer) => void;

/** Pages of a memory that is imported. */
interface ImportedMemory {
  readonly least: number;
  readonly most: number;
  readonly shared: boolean;
}

/** The guest's function bodies, rewritten. */
interface RewrittenBodies {
  readonly code: Writer;
  readonly offsets: Offsets;
  readonly hints: BranchHints;
}

/**
 * Entries that a rewritten module has beyond the guest's own. They follow the guest's in each section, so that no index
 * of a type, function, table or global changes. Its memories are replaced: by imports, and one of its own.
 */
export class Additions {
  readonly #layout: Layout;
  readonly #entries = new Map<number, Entry[]>();
  readonly #types = new Map<string, number>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Adds a function with the types of its parameters and results; returns its index. `body` is written without its length. */
  function(parameters: readonly number[][], results: readonly number[], body: Entry): number {
    const { imported } = this.#layout;
    const type = this.type(parameters, results);
    this.#add(Id.code, (w) => w.sized(body));
    return imported.function + this.#addTo(Id.function, (w) => w.unsigned(type));
  }

  /** Adds the type of a function, once; returns its index. */
  type(parameters: readonly number[][], results: readonly number[]): number {
    const key = `${parameters.join()}:${results}`;
    const known = this.#types.get(key);
    if (known !== undefined) return known;
    const added = this.#add(Id.type, (w) => {
      w.byte(FUNCTION_TYPE).unsigned(parameters.length);
      for (const parameter of parameters) w.byte(...parameter);
      w.unsigned(results.length).byte(...results);
    });
    const index = this.#layout.types.count + added;
    this.#types.set(key, index);
    return index;
  }

  /** Adds a mutable global; `value` is an expression with its end. Returns its index. */
  global(type: Uint8Array, value: Uint8Array): number {
    const { imported } = this.#layout;
    return imported.global + this.#addTo(Id.global, (w) => w.raw(type).byte(MUTABLE).raw(value));
  }

  /** Adds a table of a fixed number of elements that are null. Returns its index. */
  table(type: number, elements: number): number {
    const { imported } = this.#layout;
    return imported.table + this.#addTo(Id.table, (w) => {
      w.byte(type, HAS_MAXIMUM).unsigned(elements).unsigned(elements);
    });
  }

  /** Adds an imported memory; all of them come before those that the module itself has. Returns its index. */
  importMemory(module: string, name: string, { least, most, shared }: ImportedMemory): number {
    return this.#layout.imported.memory + this.#add(Id.import, (w) => {
      w.name(module).name(name).byte(KINDS.indexOf("memory"));
      w.byte(HAS_MAXIMUM | (shared ? SHARED : 0)).unsigned(least).unsigned(most);
    });
  }

  /** Adds a memory of the module itself, of a fixed size, once all others are imported. Returns its index. */
  memory(pages: number): number {
    const first = this.#layout.imported.memory + this.#count(Id.import);
    return first +
      this.#add(Id.memory, (w) => w.byte(HAS_MAXIMUM).unsigned(pages).unsigned(pages));
  }

  export(name: string, kind: Kind, index: number): void {
    this.#add(Id.export, (w) => w.name(name).byte(KINDS.indexOf(kind)).unsigned(index));
  }

  #count(id: number): number {
    return this.#entries.get(id)?.length ?? 0;
  }

  /** Adds an entry; returns its index among those added. */
  #add(id: number, entry: Entry): number {
    const entries = this.#entries.get(id) ?? [];
    this.#entries.set(id, entries);
    return entries.push(entry) - 1;
  }

  /** Adds an entry; returns its index in the section. */
  #addTo(id: number, entry: Entry): number {
    return this.#layout.count(id) + this.#add(id, entry);
  }

  /**
   * Writes the module.
   *
   * @param bodies The guest's own function bodies, rewritten; the offsets are moved to where these are in the module.
   * @param dropped Sections of the guest's that are left out.
   */
  write(bodies: RewrittenBodies, dropped: readonly number[]): Uint8Array<ArrayBuffer> {
    const { bytes, sections, find } = this.#layout;
    const out = new Writer(bytes.length + bodies.code.length).raw(bytes.subarray(0, 8));
    const writeSection = (id: number) => {
      if (id === Id.code) this.#writeCode(out, bodies);
      else this.#writeSection(out, id);
    };
    let next = 0;
    const writeMissing = (end: number) => {
      for (; next < end; next++) {
        if (!find(SECTION_ORDER[next]!)) writeSection(SECTION_ORDER[next]!);
      }
    };
    for (const section of sections) {
      const { id } = section;
      const place = SECTION_ORDER.indexOf(id);
      if (place < 0) {
        copyWithoutHints(out, bytes, section);
        continue;
      }
      writeMissing(place);
      if (!dropped.includes(id)) writeSection(id);
      next = place + 1;
    }
    writeMissing(SECTION_ORDER.length);
    return out.view();
  }

  #writeSection(out: Writer, id: number): void {
    const { bytes, find } = this.#layout;
    const own = id === Id.memory ? undefined : find(id);
    const entries = this.#entries.get(id) ?? [];
    if (!entries.length) {
      if (own) out.raw(bytes.subarray(own.start, own.end));
      return;
    }
    out.byte(id).sized((w) => {
      const reader = new Reader(bytes, own?.body);
      const count = own ? reader.unsigned() : 0;
      w.unsigned(count + entries.length);
      if (own) w.raw(bytes.subarray(reader.at, own.end));
      for (const entry of entries) entry(w);
    });
  }

  #writeCode(out: Writer, { code, offsets, hints }: RewrittenBodies): void {
    const entries = this.#entries.get(Id.code) ?? [];
    const count = this.#layout.count(Id.code) + entries.length;
    if (!count) return;
    const head = new Writer().unsigned(count);
    const added = new Writer();
    for (const entry of entries) entry(added);
    hints.write(out);
    out.byte(Id.code).unsigned(head.length + code.length + added.length).raw(head.view());
    offsets.move(out.length);
    out.raw(code.view()).raw(added.view());
  }
}
