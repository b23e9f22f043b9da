import { borrow, enumeration, flags, option, own, record, result, variant } from "./compound.ts";
import type { TypeExpression, ValueType } from "./definitions.ts";
import type { InstanceState } from "./handles.ts";
import { list } from "./plain.ts";
import type { Scope, TypeItem } from "./scope.ts";
import { MalformedComponent } from "./trap.ts";
import type { Type } from "./types.ts";

/**
 * Resolves the definition of a type.
 *
 * @param instance Owner of a resource type that it defines; undefined within the type of an instance.
 */
export function typeItem(
  expression: TypeExpression,
  scope: Scope,
  instance: InstanceState | undefined,
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
