import { Reader } from "../rewrite/binary.ts";
import type { AliasDefinition, Reference, Sort, ValueType } from "./definitions.ts";
import { MalformedComponent } from "./trap.ts";

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
const PRIMITIVES: Readonly<Record<number, string>> = {
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

/** Reader of the parts that all sections of a component are made of: lists, names, sorts, indices, value types. */
export class ComponentReader extends Reader {
  /** Reads a list: a count, and that many items. */
  list<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.unsigned(); left > 0; left--) items.push(read());
    return items;
  }

  /** Reads a list that the format does not allow to be empty. */
  someOf<T>(read: () => T): T[] {
    const items = this.list(read);
    if (!items.length) throw new RangeError("a type has no parts");
    return items;
  }

  /** Reads the name of an import or export: a byte that tells whether options follow, then the name. */
  externName(): string {
    const form = this.byte();
    if (form > 2) unknownForm("a name of the form", form);
    const name = this.name();
    if (form === 2) this.list(() => (this.byte(), this.name()));
    return name;
  }

  /** Reads the sort of an item. */
  sort(): Sort {
    const code = this.byte();
    return code === 0 ? this.coreSort() : SORTS[code] ?? unknownForm("a sort", code);
  }

  /** Reads the sort of an item of core WebAssembly. */
  coreSort(): Sort {
    const code = this.byte();
    return CORE_SORTS[code] ?? unknownForm("a core sort", code);
  }

  /** Reads a sort and an index. */
  reference(): Reference {
    return { sort: this.sort(), index: this.unsigned() };
  }

  /** Reads an alias: of an instance's export, or of an item of an enclosing component. */
  alias(): AliasDefinition {
    const sort = this.sort();
    const target = this.byte();
    if (target === 0 || target === 1) {
      const instance = this.unsigned();
      return { kind: "alias", sort, instance, name: this.name(), core: target === 1 };
    }
    if (target !== 2) unknownForm("an alias of the form", target);
    return { kind: "outer", sort, count: this.unsigned(), index: this.unsigned() };
  }

  /** Reads the name of a primitive type; undefined, with nothing read, if another type follows. */
  primitive(): string | undefined {
    const primitive = PRIMITIVES[this.bytes[this.at]!];
    if (primitive !== undefined) this.at++;
    return primitive;
  }

  /** Reads a value type: a primitive, or the index of a type. */
  valueType(): ValueType {
    const primitive = this.primitive();
    if (primitive !== undefined) return primitive;
    const byte = this.bytes[this.at]!;
    if (byte >= 0x40 && byte < 0x80) unknownForm("a value type", byte);
    return this.unsigned();
  }

  /** Reads a value type behind a byte that tells whether there is one. */
  optionalValueType(): ValueType | undefined {
    return this.byte() ? this.valueType() : undefined;
  }
}

/** @throws {MalformedComponent} Always: a code of the format that this host does not know. */
export function unknownForm(what: string, code: number): never {
  throw new MalformedComponent(
    `the component has ${what} 0x${code.toString(16)}, which this host does not know`,
  );
}
