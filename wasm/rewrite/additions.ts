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

/** Function that writes one entry of a section. */
type Entry = (w: Writer) => void;

/** Limits of an imported memory, in pages. */
interface ImportedMemory {
  readonly min: number;
  readonly max: number;
  readonly shared: boolean;
}

/** Rewritten function bodies of a guest. */
interface RewrittenBodies {
  readonly code: Writer;
  readonly offsets: Offsets;
  readonly hints: BranchHints;
}

/**
 * Entries that rewriting adds to a module. They follow the guest's own in each section, so that no index of a type,
 * function, table or global changes. The guest's memories are replaced by imports.
 */
export class Additions {
  readonly #layout: Layout;
  readonly #entries = new Map<number, Entry[]>();
  readonly #types = new Map<string, number>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /**
   * Adds a function.
   *
   * @param parameters Types of the parameters, each in its bytes.
   * @param body Writes the body, without its length.
   * @returns The function's index.
   */
  function(parameters: readonly number[][], results: readonly number[], body: Entry): number {
    const { imported } = this.#layout;
    const type = this.type(parameters, results);
    this.#add(Id.code, (w) => w.sized(body));
    return imported.function + this.#addTo(Id.function, (w) => w.unsigned(type));
  }

  /** Adds the type of a function, unless it was added before. Returns the type's index. */
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

  /** Adds a mutable global. `value` is its initializer, `end` included. Returns the global's index. */
  global(type: Uint8Array, value: Uint8Array): number {
    const { imported } = this.#layout;
    return imported.global + this.#addTo(Id.global, (w) => w.raw(type).byte(MUTABLE).raw(value));
  }

  /** Adds a table of a fixed number of elements, which are null. Returns the table's index. */
  table(type: number, elements: number): number {
    const { imported } = this.#layout;
    return imported.table + this.#addTo(Id.table, (w) => {
      w.byte(type, HAS_MAXIMUM).unsigned(elements).unsigned(elements);
    });
  }

  /** Adds an imported memory. Imported memories come before the module's own. Returns the memory's index. */
  importMemory(module: string, name: string, { min, max, shared }: ImportedMemory): number {
    return this.#layout.imported.memory + this.#add(Id.import, (w) => {
      w.name(module).name(name).byte(KINDS.indexOf("memory"));
      w.byte(HAS_MAXIMUM | (shared ? SHARED : 0)).unsigned(min).unsigned(max);
    });
  }

  /** Adds a memory of a fixed size, not imported; to be called after all imports. Returns the memory's index. */
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

  /** Adds an entry to a section. Returns its index among the added ones. */
  #add(id: number, entry: Entry): number {
    const entries = this.#entries.get(id) ?? [];
    this.#entries.set(id, entries);
    return entries.push(entry) - 1;
  }

  /** Adds an entry to a section. Returns its index in the section. */
  #addTo(id: number, entry: Entry): number {
    return this.#layout.count(id) + this.#add(id, entry);
  }

  /**
   * Writes the module.
   *
   * @param bodies The guest's function bodies. Their offsets are moved to the place of the bodies in the new module.
   * @param dropped Ids of the guest's sections that are left out.
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
