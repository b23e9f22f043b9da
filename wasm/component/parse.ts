import { ComponentReader, unknownForm } from "./component_reader.ts";
import type { CanonicalOptions, Component, Definition, NamedItem } from "./definitions.ts";
import { MAX_NESTED, readCoreType, readDescription, readType } from "./parse_types.ts";
import { MalformedComponent } from "./trap.ts";

/** Version of the component format, in the first two of the four bytes behind the magic number. */
const VERSION = 0x0d;
/** Layers, in the other two: core modules and components. */
const CORE_LAYER = 0;
const COMPONENT_LAYER = 1;

/** A component, with the core modules in it and in the components in it. */
export interface ParsedComponent {
  readonly component: Component;
  readonly modules: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Reads a component's structure, in time linear in its size.
 *
 * @throws {MalformedComponent} If it is cut off, or has a form that is not known here.
 */
export function parse(bytes: Uint8Array<ArrayBuffer>): ParsedComponent {
  try {
    const modules: Uint8Array<ArrayBuffer>[] = [];
    return { component: new Parser(bytes, modules).component(0), modules };
  } catch (cause) {
    if (cause instanceof MalformedComponent) throw cause;
    throw new MalformedComponent(`it is no whole component (${(cause as Error).message})`, {
      cause,
    });
  }
}

/** Parser of a component's sections. */
class Parser {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #modules: Uint8Array<ArrayBuffer>[];
  readonly #r: ComponentReader;

  /** @param modules Takes the core modules, by the index under which definitions name them. */
  constructor(bytes: Uint8Array<ArrayBuffer>, modules: Uint8Array<ArrayBuffer>[]) {
    this.#bytes = bytes;
    this.#modules = modules;
    this.#r = new ComponentReader(bytes);
  }

  component(depth: number, end = this.#bytes.length): Component {
    if (depth > MAX_NESTED) throw new MalformedComponent("components are nested too deep");
    const r = this.#r;
    if (this.#bytes[r.at + 6] !== COMPONENT_LAYER || this.#bytes[r.at + 4] !== VERSION) {
      throw new MalformedComponent(
        "it is a component of another version of the format than 0x0d, which is the one this host knows",
      );
    }
    r.at += 8;
    const definitions: Definition[] = [];
    while (r.at < end) {
      const id = r.byte();
      const length = r.unsigned();
      const until = r.at + length;
      if (until > end) throw new RangeError("a section ends behind the component");
      this.#section(id, until, definitions, depth);
      if (r.at !== until) throw new RangeError(`section ${id} has another length than it says`);
    }
    return { definitions };
  }

  #section(id: number, until: number, definitions: Definition[], depth: number): void {
    const r = this.#r;
    if (id === 0) r.at = until;
    else if (id === 1) {
      if (this.#bytes[r.at + 6] !== CORE_LAYER) throw new RangeError("a module is none");
      this.#modules.push(this.#bytes.subarray(r.at, until));
      definitions.push({ kind: "module", module: this.#modules.length - 1 });
      r.at = until;
    } else if (id === 4) {
      definitions.push({ kind: "component", component: this.component(depth + 1, until) });
    } else {
      const read = readerOf(id, depth) ?? unknownForm("a section", id);
      for (let left = r.unsigned(); left > 0; left--) definitions.push(read(r));
    }
  }
}

/** Returns the function that reads the definitions of a section; undefined for an id that is not known here. */
function readerOf(id: number, depth: number): ((r: ComponentReader) => Definition) | undefined {
  switch (id) {
    case 2:
      return readCoreInstance;
    case 3:
      return (r) => readCoreType(r);
    case 5:
      return readInstance;
    case 6:
      return (r) => r.alias();
    case 7:
      return (r) => ({ kind: "type", type: readType(r, depth) });
    case 8:
      return readCanonical;
    case 10:
      return (r) => ({ kind: "import", name: r.externName(), description: readDescription(r) });
    case 11:
      return readExport;
  }
  return undefined;
}

function readCoreInstance(r: ComponentReader): Definition {
  const form = r.byte();
  if (form === 0) {
    const module = r.unsigned();
    const args = r.list((): NamedItem => {
      const name = r.name();
      const sort = r.byte();
      if (sort !== 0x12) unknownForm("an argument of the sort", sort);
      return { name, sort: "core-instance", index: r.unsigned() };
    });
    return { kind: "core-instance", module, args };
  }
  if (form !== 1) unknownForm("a core instance of the form", form);
  const exports = r.list((): NamedItem => (
    { name: r.name(), sort: r.coreSort(), index: r.unsigned() }
  ));
  return { kind: "core-exports", exports };
}

function readInstance(r: ComponentReader): Definition {
  const form = r.byte();
  if (form === 0) {
    const component = r.unsigned();
    const args = r.list((): NamedItem => ({ name: r.name(), ...r.reference() }));
    return { kind: "instance", component, args };
  }
  if (form !== 1) unknownForm("an instance of the form", form);
  return {
    kind: "exports",
    exports: r.list((): NamedItem => ({ name: r.externName(), ...r.reference() })),
  };
}

function readExport(r: ComponentReader): Definition {
  const name = r.externName();
  const item = r.reference();
  // The type that it is ascribed is not needed: the item has its own.
  if (r.byte()) readDescription(r);
  return { kind: "export", name, item };
}

function readCanonical(r: ComponentReader): Definition {
  const form = r.byte();
  switch (form) {
    case 0x00: {
      if (r.byte() !== 0) throw new RangeError("a canonical function is malformed");
      const lifted = r.unsigned();
      return { kind: "lift", function: lifted, options: readOptions(r), type: r.unsigned() };
    }
    case 0x01:
      if (r.byte() !== 0) throw new RangeError("a canonical function is malformed");
      return { kind: "lower", function: r.unsigned(), options: readOptions(r) };
    case 0x02:
      return { kind: "resource-new", type: r.unsigned() };
    case 0x03:
      return { kind: "resource-drop", type: r.unsigned() };
    case 0x04:
      return { kind: "resource-rep", type: r.unsigned() };
  }
  return unknownForm("a canonical function", form);
}

function readOptions(r: ComponentReader): CanonicalOptions {
  let encoding: CanonicalOptions["encoding"] = "utf8";
  let memory: number | undefined;
  let realloc: number | undefined;
  let postReturn: number | undefined;
  r.list(() => {
    const option = r.byte();
    if (option <= 2) encoding = (["utf8", "utf16", "latin1+utf16"] as const)[option]!;
    else if (option === 3) memory = r.unsigned();
    else if (option === 4) realloc = r.unsigned();
    else if (option === 5) postReturn = r.unsigned();
    else unknownForm("a canonical option", option);
  });
  return { encoding, memory, realloc, postReturn };
}
