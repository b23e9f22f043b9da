import { InstanceState, type ResourceType } from "./handles.ts";
import {
  type CallObserver,
  type ComponentFunction,
  LiftedFunction,
  lower,
  type ResolvedOptions,
  resourceFunction,
} from "./functions.ts";
import type {
  CanonicalOptions,
  Component,
  Definition,
  Description,
  NamedItem,
} from "./definitions.ts";
import {
  aliased,
  coreExports,
  type Exports,
  type Item,
  itemOf,
  namedItems,
  Scope,
} from "./scope.ts";
import type { TypeItem } from "./scope.ts";
import { MalformedComponent } from "./trap.ts";
import type { GuestBytes } from "./guest_bytes.ts";
import { typeItem } from "./type_items.ts";
import type { FunctionType } from "./types.ts";

/** Maximum number of instances, of components and of core modules, that one component may make; they may be nested. */
const MAX_INSTANCES = 1000;

/** Number of definitions, none of them of a core instance, that one step goes through at most. */
const STEP = 100;

/** Host's side of linking: imports of a component, and instances of its core modules. */
interface LinkHost {
  readonly watcher: CallObserver;
  /** Returns the type of a resource that an interface of the host defines. */
  resource(from: string, name: string): ResourceType;
  /** Returns a function that the component imports. `from` is its interface; empty for a function imported by itself. */
  function(from: string, name: string, type: FunctionType): ComponentFunction;
  /** Instantiates a core module, by its index. */
  instantiate(module: number, imports: WebAssembly.Imports): WebAssembly.Exports;
  /** Returns the host's view of a guest's memory. */
  bytesOf(memory: WebAssembly.Memory): GuestBytes;
}

/** Component that has been instantiated. */
export interface LinkedComponent {
  /** Exports of the outermost component. */
  readonly exports: ReadonlyMap<string, Item>;
  /** State of all component instances in it. */
  readonly instances: readonly InstanceState[];
}

/** Component with the scope that encloses it, for its outer aliases. */
interface Closure {
  readonly component: Component;
  readonly scope: Scope;
}

/**
 * Instantiates a component in steps, between which the event loop can run: each makes an instance of one core module at
 * most.
 *
 * @throws {MalformedComponent} If it refers to an item that does not exist.
 */
export function* linkInSteps(
  component: Component,
  host: LinkHost,
): Generator<void, LinkedComponent> {
  const linker = new Linker(host);
  const exports = yield* linker.instantiate(
    { component, scope: new Scope(undefined) },
    undefined,
  );
  return { exports, instances: linker.instances };
}

class Linker {
  readonly instances: InstanceState[] = [];
  readonly #host: LinkHost;
  #made = 0;

  constructor(host: LinkHost) {
    this.#host = host;
  }

  /** @param args Undefined for the outermost component, whose imports are the host's. */
  *instantiate(
    { component, scope: parent }: Closure,
    args: Exports | undefined,
  ): Generator<void, Exports> {
    this.#count();
    const scope = new Scope(parent);
    const instance = new InstanceState();
    this.instances.push(instance);
    const exports: Exports = new Map();
    for (const [i, definition] of component.definitions.entries()) {
      if (definition.kind === "instance") {
        const closure = scope.get("component", definition.component) as Closure;
        const given = namedItems(definition.args, scope);
        scope.add("instance", yield* this.instantiate(closure, given));
      } else this.#define(definition, scope, instance, args, exports);
      if (definition.kind === "core-instance" || i % STEP === STEP - 1) yield;
    }
    return exports;
  }

  #count(): void {
    if (++this.#made > MAX_INSTANCES) {
      throw new MalformedComponent(`the component makes more than ${MAX_INSTANCES} instances`);
    }
  }

  #define(
    definition: Exclude<Definition, { readonly kind: "instance" }>,
    scope: Scope,
    instance: InstanceState,
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
      case "exports":
        return scope.add("instance", namedItems(definition.exports, scope));
      case "alias":
      case "outer":
        return scope.add(definition.sort, aliased(definition, scope));
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
            this.#host.watcher,
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
            this.#host.watcher,
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

  #crossing(options: CanonicalOptions, scope: Scope, instance: InstanceState): ResolvedOptions {
    const { encoding, memory, realloc, postReturn } = options;
    const find = (index: number | undefined) =>
      index === undefined ? undefined : scope.get("core-function", index) as CallableFunction;
    const core = memory === undefined
      ? undefined
      : scope.get("memory", memory) as WebAssembly.Memory;
    return {
      instance,
      encoding,
      memory: core && (() => this.#host.bytesOf(core)),
      realloc: find(realloc),
      postReturn: find(postReturn),
    };
  }

  #coreInstance(
    { module, args }: { readonly module: number; readonly args: readonly NamedItem[] },
    scope: Scope,
  ): WebAssembly.Exports {
    this.#count();
    const imports: WebAssembly.Imports = Object.create(null);
    for (const { name, index } of args) {
      imports[name] = scope.get("core-instance", index) as WebAssembly.ModuleImports;
    }
    return this.#host.instantiate(scope.get("module", module) as number, imports);
  }

  /** Returns the host's item for an import of the outermost component. */
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
      } else if (definition.kind === "alias" || definition.kind === "outer") {
        scope.add(definition.sort, aliased(definition, scope));
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
        const resource = this.#host.resource(from, name);
        return { sort: "type", value: { kind: "resource", resource } satisfies TypeItem };
      }
      case "function": {
        const type = scope.functionType(description.type);
        return { sort: "function", value: this.#host.function(from, name, type) };
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
