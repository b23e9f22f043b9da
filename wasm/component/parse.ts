import { Reader } from "../rewrite/binary.ts";
import { MalformedComponent } from "./trap.ts";

/** How deep components and their types may be nested in one another. */
const MOST_NESTED = 32;
const CORE_LAYER = 0;
const COMPONENT_LAYER = 1;

/** What an index counts: items of core WebAssembly, and of components. */
export type Sort =
  | "core-function"
  | "table"
  | "memory"
  | "global"
  | "tag"
  | "core-type"
  | "module"
  | "core-instance"
  | "function"
  | "value"
  | "type"
  | "component"
  | "instance";

const CORE_SORTS: Readonly<Record<number, Sort>> = {
  0x00: "core-function",
  0x01: "table",
  0x02: "memory",
  0x03: "global",
  0x04: "tag",
  0x10: "core-type",
  0x11: "module",
  0x12: "core-instance",
};
const SORTS: Readonly<Record<number, Sort>> = {
  0x01: "function",
  0x02: "value",
  0x03: "type",
  0x04: "component",
  0x05: "instance",
};

/** An item by its index. */
export interface Reference {
  readonly sort: Sort;
  readonly index: number;
}

/** An item with a name: an argument of an instantiation, or an export. */
export interface Named extends Reference {
  readonly name: string;
}

/** A value type as it is written: a primitive's name, or the index of a type. */
export type ValueType = string | number;

/** A type as it is written. */
export type TypeExpression =
  | { readonly kind: "alias"; readonly type: ValueType }
  | { readonly kind: "record"; readonly names: string[]; readonly parts: ValueType[] }
  | {
    readonly kind: "variant";
    readonly names: string[];
    readonly parts: (ValueType | undefined)[];
  }
  | { readonly kind: "list" | "option"; readonly part: ValueType }
  | { readonly kind: "tuple"; readonly parts: ValueType[] }
  | { readonly kind: "flags" | "enum"; readonly names: string[] }
  | {
    readonly kind: "result";
    readonly ok: ValueType | undefined;
    readonly error: ValueType | undefined;
  }
  | { readonly kind: "own" | "borrow"; readonly resource: number }
  | {
    readonly kind: "function";
    readonly names: string[];
    readonly params: ValueType[];
    readonly result: ValueType | undefined;
  }
  | { readonly kind: "instance"; readonly declarations: readonly Definition[] }
  | { readonly kind: "component" }
  | { readonly kind: "resource"; readonly destructor: number | undefined };

/** What an import or export is said to be. */
export type Description =
  | { readonly kind: "function" | "instance" | "component"; readonly type: number }
  | { readonly kind: "module"; readonly type: number }
  | { readonly kind: "same-type"; readonly type: number }
  | { readonly kind: "resource" };

/** How a function crosses. */
export interface CanonicalOptions {
  readonly encoding: "utf8" | "utf16" | "latin1+utf16";
  readonly memory: number | undefined;
  readonly realloc: number | undefined;
  readonly postReturn: number | undefined;
}

/** One definition: it adds an item to an index space. */
export type Definition =
  | { readonly kind: "module"; readonly module: number }
  | { readonly kind: "core-instance"; readonly module: number; readonly args: readonly Named[] }
  | { readonly kind: "core-exports"; readonly exports: readonly Named[] }
  | { readonly kind: "core-type" }
  | { readonly kind: "component"; readonly component: Component }
  | {
    readonly kind: "instance";
    readonly component: number;
    readonly args: readonly Named[];
  }
  | { readonly kind: "exports"; readonly exports: readonly Named[] }
  | {
    readonly kind: "alias";
    readonly sort: Sort;
    readonly instance: number;
    readonly name: string;
    readonly core: boolean;
  }
  | { readonly kind: "outer"; readonly sort: Sort; readonly count: number; readonly index: number }
  | { readonly kind: "type"; readonly type: TypeExpression }
  | {
    readonly kind: "lift";
    readonly function: number;
    readonly options: CanonicalOptions;
    readonly type: number;
  }
  | { readonly kind: "lower"; readonly function: number; readonly options: CanonicalOptions }
  | {
    readonly kind: "resource-new" | "resource-drop" | "resource-rep";
    readonly type: number;
  }
  | { readonly kind: "import"; readonly name: string; readonly description: Description }
  | {
    readonly kind: "export";
    readonly name: string;
    readonly item: Reference;
    readonly description: Description | undefined;
  }
  | { readonly kind: "declared"; readonly name: string; readonly description: Description };

/** A component: what it defines, in order. */
export interface Component {
  readonly definitions: readonly Definition[];
}

/** A component, with the core modules in it and in the components in it. */
export interface Parsed {
  readonly component: Component;
  readonly modules: readonly Uint8Array<ArrayBuffer>[];
}

/** Whether bytes begin as a component does. */
export function isComponent(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && String.fromCharCode(...bytes.subarray(0, 4)) === "\0asm" &&
    bytes[6] === COMPONENT_LAYER;
}

/**
 * Reads a component's structure, in time linear in its size.
 *
 * @throws {MalformedComponent} If it is cut off, or has a form that is not known here.
 */
export function parse(bytes: Uint8Array<ArrayBuffer>): Parsed {
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

function unknown(what: string, code: number): never {
  throw new MalformedComponent(
    `the component has ${what} 0x${code.toString(16)}, which this host does not know`,
  );
}

class Parser {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #modules: Uint8Array<ArrayBuffer>[];
  readonly #r: Reader;

  constructor(bytes: Uint8Array<ArrayBuffer>, modules: Uint8Array<ArrayBuffer>[], r?: Reader) {
    this.#bytes = bytes;
    this.#modules = modules;
    this.#r = r ?? new Reader(bytes);
  }

  component(depth: number, end = this.#bytes.length): Component {
    if (depth > MOST_NESTED) throw new MalformedComponent(`components are nested too deep`);
    const r = this.#r;
    const layer = this.#bytes[r.at + 6];
    if (layer !== COMPONENT_LAYER || this.#bytes[r.at + 4] !== 0x0d) {
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
      const read = this.#readerOf(id, depth);
      if (!read) unknown("a section", id);
      for (let left = r.unsigned(); left > 0; left--) definitions.push(read());
    }
  }

  #readerOf(id: number, depth: number): (() => Definition) | undefined {
    switch (id) {
      case 2:
        return () => this.#coreInstance();
      case 3:
        return () => this.#coreType(0);
      case 5:
        return () => this.#instance();
      case 6:
        return () => this.#alias();
      case 7:
        return () => ({ kind: "type", type: this.#type(depth) });
      case 8:
        return () => this.#canon();
      case 10:
        return () => ({ kind: "import", name: this.#name(), description: this.#description() });
      case 11:
        return () => this.#export();
    }
    return undefined;
  }

  #list<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.#r.unsigned(); left > 0; left--) items.push(read());
    return items;
  }

  /** A name behind the byte that tells whether it has options. */
  #name(): string {
    const r = this.#r;
    const form = r.byte();
    if (form > 2) unknown("a name of the form", form);
    const name = r.name();
    if (form === 2) this.#list(() => (r.byte(), r.name()));
    return name;
  }

  #sort(): Sort {
    const code = this.#r.byte();
    if (code !== 0) return SORTS[code] ?? unknown("a sort", code);
    const core = this.#r.byte();
    return CORE_SORTS[core] ?? unknown("a core sort", core);
  }

  #reference(): Reference {
    return { sort: this.#sort(), index: this.#r.unsigned() };
  }

  #coreInstance(): Definition {
    const r = this.#r;
    const form = r.byte();
    if (form === 0) {
      const module = r.unsigned();
      const args = this.#list((): Named => {
        const name = r.name();
        const sort = r.byte();
        if (sort !== 0x12) unknown("an argument of the sort", sort);
        return { name, sort: "core-instance", index: r.unsigned() };
      });
      return { kind: "core-instance", module, args };
    }
    if (form !== 1) unknown("a core instance of the form", form);
    const exports = this.#list((): Named => {
      const name = r.name();
      const code = r.byte();
      return { name, sort: CORE_SORTS[code] ?? unknown("a core sort", code), index: r.unsigned() };
    });
    return { kind: "core-exports", exports };
  }

  /** Passes over the type of a function or a module: V8 checks those. */
  #coreType(depth: number): Definition {
    const r = this.#r;
    const form = r.byte();
    if (form === 0x60) {
      this.#list(() => r.byte());
      this.#list(() => r.byte());
    } else if (form === 0x50 && depth === 0) {
      this.#list(() => this.#moduleDeclaration());
    } else unknown("a core type", form);
    return { kind: "core-type" };
  }

  #moduleDeclaration(): void {
    const r = this.#r;
    const form = r.byte();
    if (form === 1) this.#coreType(1);
    else if (form === 2) {
      r.byte();
      r.byte();
      r.unsigned();
      r.unsigned();
    } else if (form === 0 || form === 3) {
      r.skipName();
      if (form === 0) r.skipName();
      this.#coreDescription();
    } else unknown("a module's declaration", form);
  }

  #coreDescription(): void {
    const r = this.#r;
    const kind = r.byte();
    if (kind === 0) return void r.unsigned();
    if (kind === 1) r.byte();
    if (kind === 1 || kind === 2) {
      const limits = r.byte();
      r.unsigned();
      if (limits & 1) r.unsigned();
    } else if (kind === 3) {
      r.byte();
      r.byte();
    } else unknown("a core import", kind);
  }

  #instance(): Definition {
    const r = this.#r;
    const form = r.byte();
    if (form === 0) {
      const component = r.unsigned();
      const args = this.#list((): Named => ({ name: r.name(), ...this.#reference() }));
      return { kind: "instance", component, args };
    }
    if (form !== 1) unknown("an instance of the form", form);
    return {
      kind: "exports",
      exports: this.#list((): Named => ({ name: this.#name(), ...this.#reference() })),
    };
  }

  #alias(): Definition {
    const r = this.#r;
    const sort = this.#sort();
    const target = r.byte();
    if (target === 0 || target === 1) {
      return {
        kind: "alias",
        sort,
        instance: r.unsigned(),
        name: r.name(),
        core: target === 1,
      };
    }
    if (target !== 2) unknown("an alias of the form", target);
    return { kind: "outer", sort, count: r.unsigned(), index: r.unsigned() };
  }

  #valueType(): ValueType {
    const r = this.#r;
    const byte = this.#bytes[r.at]!;
    const primitive = PRIMITIVE[byte];
    if (primitive === undefined) {
      if (byte >= 0x40 && byte < 0x80) unknown("a value type", byte);
      return r.unsigned();
    }
    r.at++;
    return primitive;
  }

  #maybe(): ValueType | undefined {
    return this.#r.byte() ? this.#valueType() : undefined;
  }

  #type(depth: number): TypeExpression {
    if (depth > MOST_NESTED) throw new MalformedComponent("types are nested too deep");
    const r = this.#r;
    const primitive = PRIMITIVE[this.#bytes[r.at]!];
    if (primitive !== undefined) {
      r.at++;
      return { kind: "alias", type: primitive };
    }
    const form = r.byte();
    switch (form) {
      case 0x72: {
        const fields = some(this.#list(() => ({ name: r.name(), type: this.#valueType() })));
        return {
          kind: "record",
          names: fields.map(({ name }) => name),
          parts: fields.map(({ type }) => type),
        };
      }
      case 0x71: {
        const cases = some(this.#list(() => {
          const name = r.name();
          const type = this.#maybe();
          if (r.byte() !== 0) throw new RangeError("a case of a variant refines another");
          return { name, type };
        }));
        return {
          kind: "variant",
          names: cases.map(({ name }) => name),
          parts: cases.map(({ type }) => type),
        };
      }
      case 0x70:
        return { kind: "list", part: this.#valueType() };
      case 0x6f:
        return { kind: "tuple", parts: some(this.#list(() => this.#valueType())) };
      case 0x6e:
        return { kind: "flags", names: some(this.#list(() => r.name())) };
      case 0x6d:
        return { kind: "enum", names: some(this.#list(() => r.name())) };
      case 0x6b:
        return { kind: "option", part: this.#valueType() };
      case 0x6a:
        return { kind: "result", ok: this.#maybe(), error: this.#maybe() };
      case 0x69:
      case 0x68:
        return { kind: form === 0x69 ? "own" : "borrow", resource: r.unsigned() };
      case 0x40:
        return this.#functionType();
      case 0x41:
        this.#declarations(depth + 1, true);
        return { kind: "component" };
      case 0x42:
        return { kind: "instance", declarations: this.#declarations(depth + 1, false) };
      case 0x3f: {
        const representation = r.byte();
        if (representation !== 0x7f) unknown("a resource with the representation", representation);
        return { kind: "resource", destructor: r.byte() ? r.unsigned() : undefined };
      }
    }
    return unknown("a type", form);
  }

  #functionType(): TypeExpression {
    const r = this.#r;
    const params = this.#list(() => ({ name: r.name(), type: this.#valueType() }));
    const form = r.byte();
    if (form > 1) unknown("results of the form", form);
    const result = form === 0 ? this.#valueType() : undefined;
    if (form === 1 && r.byte() !== 0) unknown("named results of the form", form);
    return {
      kind: "function",
      names: params.map(({ name }) => name),
      params: params.map(({ type }) => type),
      result,
    };
  }

  #declarations(depth: number, component: boolean): Definition[] {
    return this.#list((): Definition => {
      const form = this.#r.byte();
      if (form === 0) return this.#coreType(0);
      if (form === 1) return { kind: "type", type: this.#type(depth) };
      if (form === 2) return this.#alias();
      if (form === 4 || (component && form === 3)) {
        return { kind: "declared", name: this.#name(), description: this.#description() };
      }
      return unknown("a declaration of the form", form);
    });
  }

  #description(): Description {
    const r = this.#r;
    const form = r.byte();
    switch (form) {
      case 0: {
        const sort = r.byte();
        if (sort !== 0x11) unknown("an import of the core sort", sort);
        return { kind: "module", type: r.unsigned() };
      }
      case 1:
        return { kind: "function", type: r.unsigned() };
      case 3: {
        const bound = r.byte();
        if (bound === 0) return { kind: "same-type", type: r.unsigned() };
        if (bound === 1) return { kind: "resource" };
        return unknown("a bound of a type", bound);
      }
      case 4:
        return { kind: "component", type: r.unsigned() };
      case 5:
        return { kind: "instance", type: r.unsigned() };
    }
    return unknown("an import of the kind", form);
  }

  #export(): Definition {
    const name = this.#name();
    const item = this.#reference();
    const description = this.#r.byte() ? this.#description() : undefined;
    return { kind: "export", name, item, description };
  }

  #canon(): Definition {
    const r = this.#r;
    const form = r.byte();
    switch (form) {
      case 0x00: {
        if (r.byte() !== 0) throw new RangeError("a canonical function is malformed");
        const lifted = r.unsigned();
        return { kind: "lift", function: lifted, options: this.#options(), type: r.unsigned() };
      }
      case 0x01:
        if (r.byte() !== 0) throw new RangeError("a canonical function is malformed");
        return { kind: "lower", function: r.unsigned(), options: this.#options() };
      case 0x02:
        return { kind: "resource-new", type: r.unsigned() };
      case 0x03:
        return { kind: "resource-drop", type: r.unsigned() };
      case 0x04:
        return { kind: "resource-rep", type: r.unsigned() };
    }
    return unknown("a canonical function", form);
  }

  #options(): CanonicalOptions {
    const r = this.#r;
    let encoding: CanonicalOptions["encoding"] = "utf8";
    let memory: number | undefined;
    let realloc: number | undefined;
    let postReturn: number | undefined;
    this.#list(() => {
      const option = r.byte();
      if (option <= 2) encoding = (["utf8", "utf16", "latin1+utf16"] as const)[option]!;
      else if (option === 3) memory = r.unsigned();
      else if (option === 4) realloc = r.unsigned();
      else if (option === 5) postReturn = r.unsigned();
      else unknown("a canonical option", option);
    });
    return { encoding, memory, realloc, postReturn };
  }
}

function some<T>(items: T[]): T[] {
  if (!items.length) throw new RangeError("a type has no parts");
  return items;
}

const PRIMITIVE: Readonly<Record<number, string>> = {
  0x7f: "bool",
  0x7e: "s8",
  0x7d: "u8",
  0x7c: "s16",
  0x7b: "u16",
  0x7a: "s32",
  0x79: "u32",
  0x78: "s64",
  0x77: "u64",
  0x76: "f32",
  0x75: "f64",
  0x74: "char",
  0x73: "string",
};
