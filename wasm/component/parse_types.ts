import { type ComponentReader, unknownForm } from "./component_reader.ts";
import type { Definition, Description, TypeExpression } from "./definitions.ts";
import { MalformedComponent } from "./trap.ts";

/** How deep components and their types may be nested in one another. */
export const MAX_NESTED = 32;

/** Reads the expression of a type. */
export function readType(r: ComponentReader, depth: number): TypeExpression {
  if (depth > MAX_NESTED) throw new MalformedComponent("types are nested too deep");
  const primitive = r.primitive();
  if (primitive !== undefined) return { kind: "alias", type: primitive };
  const form = r.byte();
  switch (form) {
    case 0x72:
      return readRecord(r);
    case 0x71:
      return readVariant(r);
    case 0x70:
      return { kind: "list", part: r.valueType() };
    case 0x6f:
      return { kind: "tuple", parts: r.someOf(() => r.valueType()) };
    case 0x6e:
      return { kind: "flags", names: r.someOf(() => r.name()) };
    case 0x6d:
      return { kind: "enum", names: r.someOf(() => r.name()) };
    case 0x6b:
      return { kind: "option", part: r.valueType() };
    case 0x6a:
      return { kind: "result", ok: r.optionalValueType(), error: r.optionalValueType() };
    case 0x69:
    case 0x68:
      return { kind: form === 0x69 ? "own" : "borrow", resource: r.unsigned() };
    case 0x40:
      return readFunctionType(r);
    case 0x41:
      readDeclarations(r, depth + 1, true);
      return { kind: "component" };
    case 0x42:
      return { kind: "instance", declarations: readDeclarations(r, depth + 1, false) };
    case 0x3f: {
      const representation = r.byte();
      if (representation !== 0x7f) {
        unknownForm("a resource with the representation", representation);
      }
      return { kind: "resource", destructor: r.byte() ? r.unsigned() : undefined };
    }
  }
  return unknownForm("a type", form);
}

function readRecord(r: ComponentReader): TypeExpression {
  const fields = r.someOf(() => ({ name: r.name(), type: r.valueType() }));
  return {
    kind: "record",
    names: fields.map(({ name }) => name),
    parts: fields.map(({ type }) => type),
  };
}

function readVariant(r: ComponentReader): TypeExpression {
  const cases = r.someOf(() => {
    const name = r.name();
    const type = r.optionalValueType();
    if (r.byte() !== 0) throw new RangeError("a case of a variant refines another");
    return { name, type };
  });
  return {
    kind: "variant",
    names: cases.map(({ name }) => name),
    parts: cases.map(({ type }) => type),
  };
}

function readFunctionType(r: ComponentReader): TypeExpression {
  const params = r.list(() => ({ name: r.name(), type: r.valueType() }));
  const form = r.byte();
  if (form > 1) unknownForm("results of the form", form);
  const result = form === 0 ? r.valueType() : undefined;
  if (form === 1 && r.byte() !== 0) unknownForm("named results of the form", form);
  return {
    kind: "function",
    names: params.map(({ name }) => name),
    params: params.map(({ type }) => type),
    result,
  };
}

/** Reads the declarations of an instance type or, with `component`, of a component type. */
function readDeclarations(r: ComponentReader, depth: number, component: boolean): Definition[] {
  return r.list((): Definition => {
    const form = r.byte();
    if (form === 0) return readCoreType(r);
    if (form === 1) return { kind: "type", type: readType(r, depth) };
    if (form === 2) return r.alias();
    if (form === 4 || (component && form === 3)) {
      return { kind: "declared", name: r.externName(), description: readDescription(r) };
    }
    return unknownForm("a declaration of the form", form);
  });
}

/** Reads the type of an import or export. */
export function readDescription(r: ComponentReader): Description {
  const form = r.byte();
  switch (form) {
    case 0: {
      const sort = r.byte();
      if (sort !== 0x11) unknownForm("an import of the core sort", sort);
      return { kind: "module", type: r.unsigned() };
    }
    case 1:
      return { kind: "function", type: r.unsigned() };
    case 3: {
      const bound = r.byte();
      if (bound === 0) return { kind: "same-type", type: r.unsigned() };
      if (bound === 1) return { kind: "resource" };
      return unknownForm("a bound of a type", bound);
    }
    case 4:
      return { kind: "component", type: r.unsigned() };
    case 5:
      return { kind: "instance", type: r.unsigned() };
  }
  return unknownForm("an import of the kind", form);
}

/** Passes over the type of a core function or module, which V8 checks when it compiles the module. */
export function readCoreType(r: ComponentReader, inModule = false): Definition {
  const form = r.byte();
  if (form === 0x60) {
    r.list(() => r.byte());
    r.list(() => r.byte());
  } else if (form === 0x50 && !inModule) {
    r.list(() => skipModuleDeclaration(r));
  } else unknownForm("a core type", form);
  return { kind: "core-type" };
}

function skipModuleDeclaration(r: ComponentReader): void {
  const form = r.byte();
  if (form === 1) readCoreType(r, true);
  else if (form === 2) {
    r.byte();
    r.byte();
    r.unsigned();
    r.unsigned();
  } else if (form === 0 || form === 3) {
    r.skipName();
    if (form === 0) r.skipName();
    skipCoreDescription(r);
  } else unknownForm("a module's declaration", form);
}

function skipCoreDescription(r: ComponentReader): void {
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
  } else unknownForm("a core import", kind);
}
