/**
 * Structure of a component, as in the binary format: the result of {@linkcode parse} and the input of the linker.
 *
 * @module
 */

/** Sort of an item, which is the index space that the item is in: first those of core WebAssembly. */
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

/** Item by its index. */
export interface Reference {
  readonly sort: Sort;
  readonly index: number;
}

/** Item with a name: an argument of an instantiation, or an export. */
export interface NamedItem extends Reference {
  readonly name: string;
}

/** Reference to a value type: a primitive's name, or the index of a type. */
export type ValueType = string | number;

/** Definition of a type. */
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

/** Type of an import or export (`externdesc`); `type` is an index. */
export type Description =
  | { readonly kind: "function" | "instance" | "component"; readonly type: number }
  | { readonly kind: "module"; readonly type: number }
  | { readonly kind: "same-type"; readonly type: number }
  | { readonly kind: "resource" };

/** Options of a lifted or lowered function (`canonopt`), by indices. */
export interface CanonicalOptions {
  readonly encoding: "utf8" | "utf16" | "latin1+utf16";
  readonly memory: number | undefined;
  readonly realloc: number | undefined;
  readonly postReturn: number | undefined;
}

/** Alias of an instance's export, or of an item of the component that is `count` levels out. */
export type AliasDefinition =
  | {
    readonly kind: "alias";
    readonly sort: Sort;
    readonly instance: number;
    readonly name: string;
    readonly core: boolean;
  }
  | { readonly kind: "outer"; readonly sort: Sort; readonly count: number; readonly index: number };

/** Definition, which adds an item to an index space. */
export type Definition =
  | AliasDefinition
  | { readonly kind: "module"; readonly module: number }
  | { readonly kind: "core-instance"; readonly module: number; readonly args: readonly NamedItem[] }
  | { readonly kind: "core-exports"; readonly exports: readonly NamedItem[] }
  | { readonly kind: "core-type" }
  | { readonly kind: "component"; readonly component: Component }
  | {
    readonly kind: "instance";
    readonly component: number;
    readonly args: readonly NamedItem[];
  }
  | { readonly kind: "exports"; readonly exports: readonly NamedItem[] }
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
  | { readonly kind: "export"; readonly name: string; readonly item: Reference }
  | { readonly kind: "declared"; readonly name: string; readonly description: Description };

/** Component: its definitions, in order. */
export interface Component {
  readonly definitions: readonly Definition[];
}
