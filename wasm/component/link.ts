import { Instance, type ResourceType } from "./handles.ts";
import {
  type ComponentFunction,
  type Crossing,
  LiftedFunction,
  lower,
  resourceFunction,
  type Watcher,
} from "./functions.ts";
import type {
  CanonicalOptions,
  Component,
  Definition,
  Description,
  Named,
  Sort,
  TypeExpression,
  ValueType,
} from "./parse.ts";
import { MalformedComponent } from "./trap.ts";
import { borrow, enumeration, flags, option, own, record, result, variant } from "./compound.ts";
import type { GuestBytes } from "./guest_bytes.ts";
import { list, PRIMITIVES, STRING } from "./plain.ts";
import type { FunctionType, Type } from "./types.ts";

/** Instances, of components and core modules, that one component may make, as they may nest. */
const MOST_INSTANCES = 1000;

/** What a component imports, and how its modules become instances. */
export interface Environment {
  readonly watcher: Watcher;
  /** The resource type that an interface of the host has. */
  resource(from: string, name: string): ResourceType;
  /** A function that the component imports, by the interface it is of, or by itself. */
  function(from: string, name: string, type: FunctionType): ComponentFunction;
  /** Makes an instance of a core module. */
  instantiate(module: number, imports: WebAssembly.Imports): WebAssembly.Exports;
  /** The memory as the host reads and writes it. */
  bytesOf(memory: WebAssembly.Memory): GuestBytes;
}

/** A component that has been instantiated. */
export interface Linked {
  /** What it exports. */
  readonly exports: ReadonlyMap<string, Item>;
  /** All component instances in it. */
  readonly instances: readonly Instance[];
}

/** An item of an index space. */
export interface Item {
  readonly sort: Sort;
  readonly value: unknown;
}

/** What stands in the space of types. */
type TypeItem =
  | { readonly kind: "value"; readonly type: Type }
  | { readonly kind: "resource"; readonly resource: ResourceType }
  | { readonly kind: "function"; readonly type: FunctionType }
  | {
    readonly kind: "instance";
    readonly declarations: readonly Definition[];
    readonly scope: Scope;
  }
  | { readonly kind: "component" };

/** A component in its place: where its outer aliases lead is known. */
interface Placed {
  readonly component: Component;
  readonly scope: Scope;
}

type Exports = Map<string, Item>;

/**
 * Instantiates a component.
 *
 * @throws {MalformedComponent} If it names what is not there.
 */
export function link(component: Component, environment: Environment): Linked {
  const linker = new Linker(environment);
  const exports = linker.instantiate({ component, scope: new Scope(undefined) }, undefined);
  return { exports, instances: linker.instances };
}

/** The index spaces of one component, or of one type of an instance. */
class Scope {
  readonly #spaces = new Map<Sort, unknown[]>();

  constructor(readonly parent: Scope | undefined) {}

  add(sort: Sort, value: unknown): void {
    const space = this.#spaces.get(sort);
    if (space) space.push(value);
    else this.#spaces.set(sort, [value]);
  }

  get(sort: Sort, index: number): unknown {
    const space = this.#spaces.get(sort);
    if (space && index < space.length) return space[index];
    throw new MalformedComponent(`the component has no ${sort} ${index}`);
  }

  outer(count: number): Scope {
    let scope: Scope | undefined = this.#self;
    for (let left = count; left > 0 && scope; left--) scope = scope.parent;
    if (!scope) throw new MalformedComponent(`an alias leads ${count} components out`);
    return scope;
  }

  get #self(): Scope {
    return this;
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

class Linker {
  readonly instances: Instance[] = [];
  readonly #environment: Environment;
  #made = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** @param args Undefined for the outermost component, whose imports are the host's. */
  instantiate({ component, scope: parent }: Placed, args: Exports | undefined): Exports {
    this.#count();
    const scope = new Scope(parent);
    const instance = new Instance();
    this.instances.push(instance);
    const exports: Exports = new Map();
    for (const definition of component.definitions) {
      this.#define(definition, scope, instance, args, exports);
    }
    return exports;
  }

  #count(): void {
    if (++this.#made > MOST_INSTANCES) {
      throw new MalformedComponent(`the component makes more than ${MOST_INSTANCES} instances`);
    }
  }

  #define(
    definition: Definition,
    scope: Scope,
    instance: Instance,
    args: Exports | undefined,
    exports: Exports,
  ): void {
    switch (definition.kind) {
      case "module":
        return scope.add("module", definition.module);
      case "core-type":
        return scope.add("core-type", undefined);
      case "component":
        return scope.add("component", { component: definition.component, scope });
      case "core-instance":
        return scope.add("core-instance", this.#coreInstance(definition, scope));
      case "core-exports":
        return scope.add("core-instance", coreExports(definition.exports, scope));
      case "instance": {
        const placed = scope.get("component", definition.component) as Placed;
        const given = namedItems(definition.args, scope);
        return scope.add("instance", this.instantiate(placed, given));
      }
      case "exports":
        return scope.add("instance", namedItems(definition.exports, scope));
      case "alias":
        return scope.add(definition.sort, aliased(definition, scope));
      case "outer":
        return scope.add(
          definition.sort,
          scope.outer(definition.count).get(definition.sort, definition.index),
        );
      case "type":
        return scope.add("type", typeItem(definition.type, scope, instance));
      case "lift":
        return scope.add(
          "function",
          new LiftedFunction(
            scope.functionType(definition.type),
            scope.get("core-function", definition.function) as CallableFunction,
            this.#crossing(definition.options, scope, instance),
          ),
        );
      case "lower":
        return scope.add(
          "core-function",
          lower(
            scope.get("function", definition.function) as ComponentFunction,
            this.#crossing(definition.options, scope, instance),
            this.#environment.watcher,
          ),
        );
      case "resource-new":
      case "resource-drop":
      case "resource-rep":
        return scope.add(
          "core-function",
          resourceFunction(
            definition.kind,
            scope.resource(definition.type),
            instance,
            this.#environment.watcher,
          ),
        );
      case "import": {
        const given = args ? itemOf(args, definition.name) : this.#imported(definition, scope);
        return scope.add(given.sort, given.value);
      }
      case "export": {
        const { name, item: { sort, index } } = definition;
        const value = scope.get(sort, index);
        exports.set(name, { sort, value });
        return scope.add(sort, value);
      }
      case "declared":
        throw new MalformedComponent("a declaration stands outside of a type");
    }
  }

  #crossing(options: CanonicalOptions, scope: Scope, instance: Instance): Crossing {
    const { encoding, memory, realloc, postReturn } = options;
    const find = (index: number | undefined) =>
      index === undefined ? undefined : scope.get("core-function", index) as CallableFunction;
    const core = memory === undefined
      ? undefined
      : scope.get("memory", memory) as WebAssembly.Memory;
    return {
      instance,
      encoding,
      memory: core && (() => this.#environment.bytesOf(core)),
      realloc: find(realloc),
      postReturn: find(postReturn),
    };
  }

  #coreInstance(
    { module, args }: { readonly module: number; readonly args: readonly Named[] },
    scope: Scope,
  ): WebAssembly.Exports {
    this.#count();
    const imports: WebAssembly.Imports = Object.create(null);
    for (const { name, index } of args) {
      imports[name] = scope.get("core-instance", index) as WebAssembly.ModuleImports;
    }
    return this.#environment.instantiate(scope.get("module", module) as number, imports);
  }

  /** What the host gives for an import of the outermost component. */
  #imported(
    { name, description }: { readonly name: string; readonly description: Description },
    scope: Scope,
  ): Item {
    if (description.kind === "instance") {
      const type = scope.type(description.type);
      if (type.kind !== "instance") {
        throw new MalformedComponent(`the import ${name} has no type of an instance`);
      }
      return {
        sort: "instance",
        value: this.#importedInstance(name, type.declarations, type.scope),
      };
    }
    return this.#declared("", name, description, scope);
  }

  #importedInstance(name: string, declarations: readonly Definition[], parent: Scope): Exports {
    const scope = new Scope(parent);
    const exports: Exports = new Map();
    for (const definition of declarations) {
      if (definition.kind === "type") {
        scope.add("type", typeItem(definition.type, scope, undefined));
      } else if (definition.kind === "alias") {
        scope.add(definition.sort, aliased(definition, scope));
      } else if (definition.kind === "outer") {
        const { sort, count, index } = definition;
        scope.add(sort, scope.outer(count).get(sort, index));
      } else if (definition.kind === "declared") {
        const item = this.#declared(name, definition.name, definition.description, scope);
        exports.set(definition.name, item);
        scope.add(item.sort, item.value);
      }
    }
    return exports;
  }

  #declared(from: string, name: string, description: Description, scope: Scope): Item {
    switch (description.kind) {
      case "same-type":
        return { sort: "type", value: scope.type(description.type) };
      case "resource": {
        const resource = this.#environment.resource(from, name);
        return { sort: "type", value: { kind: "resource", resource } satisfies TypeItem };
      }
      case "function": {
        const type = scope.functionType(description.type);
        return { sort: "function", value: this.#environment.function(from, name, type) };
      }
      case "instance": {
        const type = scope.type(description.type);
        if (type.kind !== "instance") break;
        return {
          sort: "instance",
          value: this.#importedInstance(name, type.declarations, type.scope),
        };
      }
    }
    throw new MalformedComponent(
      `the component imports the ${description.kind} ${name}, and there are none to import`,
    );
  }
}

function itemOf(items: Exports, name: string): Item {
  const item = items.get(name);
  if (item) return item;
  throw new MalformedComponent(`the component has nothing to give for the import ${name}`);
}

function namedItems(named: readonly Named[], scope: Scope): Exports {
  return new Map(
    named.map(({ name, sort, index }) => [name, { sort, value: scope.get(sort, index) }]),
  );
}

/** Nothing in it has a prototype: a module may import `constructor`, or `__proto__`. */
function coreExports(named: readonly Named[], scope: Scope): WebAssembly.ModuleImports {
  const exports: WebAssembly.ModuleImports = Object.create(null);
  for (const { name, sort, index } of named) {
    exports[name] = scope.get(sort, index) as WebAssembly.ImportValue;
  }
  return exports;
}

function aliased(
  { sort, instance, name, core }: {
    readonly sort: Sort;
    readonly instance: number;
    readonly name: string;
    readonly core: boolean;
  },
  scope: Scope,
): unknown {
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

function typeItem(
  expression: TypeExpression,
  scope: Scope,
  instance: Instance | undefined,
): TypeItem {
  switch (expression.kind) {
    case "function":
      return {
        kind: "function",
        type: {
          names: expression.names,
          params: expression.params.map((type) => scope.valueType(type)),
          result: expression.result === undefined ? undefined : scope.valueType(expression.result),
        },
      };
    case "instance":
      return { kind: "instance", declarations: expression.declarations, scope };
    case "component":
      return { kind: "component" };
    case "resource": {
      const { destructor } = expression;
      const drop = destructor === undefined
        ? undefined
        : scope.get("core-function", destructor) as (representation: number) => void;
      return {
        kind: "resource",
        resource: { name: "a resource of the component", owner: instance, drop },
      };
    }
    case "alias":
      if (typeof expression.type === "number") return scope.type(expression.type);
  }
  try {
    return { kind: "value", type: valueTypeOf(expression, scope) };
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new MalformedComponent(`the component has types that cannot be: ${cause.message}`);
    }
    throw cause;
  }
}

function valueTypeOf(expression: TypeExpression, scope: Scope): Type {
  const maybe = (type: ValueType | undefined) =>
    type === undefined ? undefined : scope.valueType(type);
  switch (expression.kind) {
    case "alias":
      return scope.valueType(expression.type);
    case "record":
      return record(expression.parts.map((type) => scope.valueType(type)), expression.names);
    case "tuple":
      return record(expression.parts.map((type) => scope.valueType(type)));
    case "variant":
      return variant(expression.names, expression.parts.map(maybe));
    case "list":
      return list(scope.valueType(expression.part));
    case "option":
      return option(scope.valueType(expression.part));
    case "flags":
      return flags(expression.names);
    case "enum":
      return enumeration(expression.names);
    case "result":
      return result(maybe(expression.ok), maybe(expression.error));
    case "own":
      return own(scope.resource(expression.resource));
    case "borrow":
      return borrow(scope.resource(expression.resource));
  }
  throw new MalformedComponent(`a ${expression.kind} is no type of a value`);
}
