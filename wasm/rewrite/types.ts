import { Reader, type Section } from "./binary.ts";
import { UnknownForm, valueType } from "./instructions.ts";

/** Forms of the type section. */
const RECURSION_GROUP = 0x4e;
const SUBTYPE = 0x50;
const FINAL_SUBTYPE = 0x4f;
const FUNCTION = 0x60;
const STRUCT = 0x5f;
const ARRAY = 0x5e;

/** Facts about the type section of a module. */
export interface Types {
  /** Number of types. The section's own count is of recursion groups, each of which may have several. */
  readonly count: number;
  /** Number of parameters of each function type, by type index; 0 for other types. */
  readonly parameters: readonly number[];
  /** Whether it has types of structs or arrays, whose values are garbage-collected objects. */
  readonly objects: boolean;
}

/**
 * Reads the type section.
 *
 * @throws {UnknownForm} If a type has a form that is not known here.
 */
export function typesOf(bytes: Uint8Array, section: Section | undefined): Types {
  const parameters: number[] = [];
  let objects = false;
  if (!section) return { count: 0, parameters, objects };
  const r = new Reader(bytes, section.body);
  const read = (form: number): void => {
    if (form === SUBTYPE || form === FINAL_SUBTYPE) {
      for (let supertypes = r.unsigned(); supertypes > 0; supertypes--) r.skipNumber();
      form = r.byte();
    }
    if (form === FUNCTION) parameters.push(functionType(r));
    else {
      objectType(r, form);
      objects = true;
      parameters.push(0);
    }
  };
  for (let groups = r.unsigned(); groups > 0; groups--) {
    const form = r.byte();
    if (form !== RECURSION_GROUP) read(form);
    else for (let members = r.unsigned(); members > 0; members--) read(r.byte());
  }
  return { count: parameters.length, parameters, objects };
}

/** Reads the rest of a function type. Returns the number of parameters. */
function functionType(r: Reader): number {
  const parameters = r.unsigned();
  for (let left = parameters; left > 0; left--) valueType(r);
  for (let results = r.unsigned(); results > 0; results--) valueType(r);
  return parameters;
}

function objectType(r: Reader, form: number): void {
  if (form !== STRUCT && form !== ARRAY) {
    throw new UnknownForm(
      `it has a type of the form 0x${form.toString(16)}, which this host does not know`,
    );
  }
  for (let fields = form === STRUCT ? r.unsigned() : 1; fields > 0; fields--) {
    valueType(r); // also the packed ones, i8 and i16
    r.byte(); // whether it is mutable
  }
}
