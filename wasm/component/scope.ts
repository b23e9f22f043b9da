import type { ResourceType } from "./handles.ts";
import type { AliasDefinition, Definition, NamedItem, Sort, ValueType } from "./definitions.ts";
import { PRIMITIVES, STRING } from "./plain.ts";
import { MalformedComponent } from "./trap.ts";
import type { FunctionType, Type } from "./types.ts";

/** Item of an index space. */
export interface Item {
  readonly sort: Sort;
  readonly value: unknown;
}

/** Items by the names under which an instance exports them. */
export type Exports = Map<string, Item>;

/** Item of the index space of types. */
export type TypeItem =
  | { readonly kind: "value"; readonly type: Type }
  | { readonly kind: "resource"; readonly resource: ResourceType }
  | { readonly kind: "function"; readonly type: FunctionType }
  | {
    readonly kind: "instance";
    readonly declarations: readonly Definition[];
    readonly scope: Scope;
  }
  | { readonly kind: "component" };

/** Index spaces of one component, or of one type of an instance. */
export class Scope {
  readonly #spaces = new Map<Sort, unknown[]>();

  /** @param parent Scope of the enclosing component; undefined for the outermost one. */
  constructor(readonly parent: Scope | undefined) {}

  /** Adds an item to an index space, under the next index. */
  add(sort: Sort, value: unknown): void {
    const space = this.#spaces.get(sort);
    if (space) space.push(value);
    else this.#spaces.set(sort, [value]);
  }

  /** @throws {MalformedComponent} If there is no such item. */
  get(sort: Sort, index: number): unknown {
    const space = this.#spaces.get(sort);
    if (space && index < space.length) return space[index];
    throw new MalformedComponent(`the component has no ${sort} ${index}`);
  }

  /** Returns the scope that is `count` levels out; 0 is this one. */
  outer(count: number): Scope {
    if (count === 0) return this;
    let scope = this.parent;
    for (let left = count - 1; left > 0 && scope; left--) scope = scope.parent;
    if (!scope) throw new MalformedComponent(`an alias leads ${count} components out`);
    return scope;
  }

  type(index: number): TypeItem {
    return this.get("type", index) as TypeItem;
  }

  valueType(type: ValueType): Type {
    if (typeof type === "string") {
      return type === "string" ? STRING : PRIMITIVES[type as keyof typeof PRIMITIVES];
    }
    const item = this.type(type);
    if (item.kind === "value") return item.type;
    throw new MalformedComponent(`type ${type} is no type of a value`);
  }

  resource(index: number): ResourceType {
    const item = this.type(index);
    if (item.kind === "resource") return item.resource;
    throw new MalformedComponent(`type ${index} is no resource`);
  }

  functionType(index: number): FunctionType {
    const item = this.type(index);
    if (item.kind === "function") return item.type;
    throw new MalformedComponent(`type ${index} is no type of a function`);
  }
}

/** Finds an export by its name. */
export function itemOf(items: Exports, name: string): Item {
  const item = items.get(name);
  if (item) return item;
  throw new MalformedComponent(`the component has nothing to give for the import ${name}`);
}

/** Looks up items, to be arguments of an instantiation or exports of an instance. */
export function namedItems(named: readonly NamedItem[], scope: Scope): Exports {
  return new Map(
    named.map(({ name, sort, index }) => [name, { sort, value: scope.get(sort, index) }]),
  );
}

/** Looks up core items. The result has no prototype: a module may import a function named `constructor` or `__proto__`. */
export function coreExports(
  named: readonly NamedItem[],
  scope: Scope,
): WebAssembly.ModuleImports {
  const exports: WebAssembly.ModuleImports = Object.create(null);
  for (const { name, sort, index } of named) {
    exports[name] = scope.get(sort, index) as WebAssembly.ImportValue;
  }
  return exports;
}

/** Looks up the item that an alias stands for. */
export function aliased(alias: AliasDefinition, scope: Scope): unknown {
  if (alias.kind === "outer") return scope.outer(alias.count).get(alias.sort, alias.index);
  const { sort, instance, name, core } = alias;
  if (!core) {
    const item = itemOf(scope.get("instance", instance) as Exports, name);
    if (item.sort !== sort) throw new MalformedComponent(`the export ${name} is no ${sort}`);
    return item.value;
  }
  const exports = scope.get("core-instance", instance) as Record<string, unknown>;
  if (!Object.hasOwn(exports, name)) {
    throw new MalformedComponent(`a core instance exports no ${name}`);
  }
  return exports[name];
}
