import { INTERFACES } from "./world/mod.ts";

/** Type of WIT, with names replaced by the types that they stand for. */
export interface WitType {
  /** Kind in the component model; `own` or `borrow` for a resource. */
  readonly kind: string;
  readonly names: readonly string[];
  readonly parts: readonly (WitType | undefined)[];
  /** `INTERFACE.NAME` of a resource. */
  readonly resource: string | undefined;
  /** Name of the type in WIT; undefined for a type without one. */
  readonly name: string | undefined;
}

/** Signature of a function. */
export interface Signature {
  readonly names: readonly string[];
  readonly params: readonly WitType[];
  readonly result: WitType | undefined;
}

/** Type of a component, as far as it is compared with a type of WIT. */
export interface Comparable {
  readonly kind: string;
  readonly names?: readonly string[];
  readonly parts?: readonly (Comparable | undefined)[];
  readonly resource?: { readonly name: string };
}

const PRIMITIVES = new Set(
  ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"],
);
const TOKEN = /->|[\w%-]+|[(){}<>:,]/g;

/** Parser of types and signatures in WIT. `from` is the interface in which names are resolved. */
class WitReader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string, readonly from: string) {
    this.#tokens = text.match(TOKEN) ?? [];
  }

  #next(): string {
    return this.#tokens[this.#at++]!;
  }

  #takes(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #parts(end: string): (WitType | undefined)[] {
    const parts: (WitType | undefined)[] = [];
    while (!this.#takes(end)) {
      parts.push(this.#takes("_") ? undefined : this.type());
      this.#takes(",");
    }
    return parts;
  }

  #fields(end: string): { names: string[]; parts: (WitType | undefined)[] } {
    const names: string[] = [];
    const parts: (WitType | undefined)[] = [];
    while (!this.#takes(end)) {
      names.push(this.#next());
      parts.push(this.#takes(":") ? this.type() : undefined);
      this.#takes(",");
    }
    return { names, parts };
  }

  type(): WitType {
    const word = this.#next();
    const made = (kind: string, more: Partial<WitType> = {}): WitType => ({
      kind,
      names: [],
      parts: [],
      resource: undefined,
      name: undefined,
      ...more,
    });
    if (PRIMITIVES.has(word)) return made(word);
    if (this.#takes("{")) return made(word, this.#fields("}"));
    if (word === "result" && !this.#takes("<")) {
      return made("result", { parts: [undefined, undefined] });
    }
    if (word === "result") {
      const parts = this.#parts(">");
      return made("result", { parts: [parts[0], parts[1]] });
    }
    if (word === "borrow") {
      this.#takes("<");
      const named = this.type();
      this.#takes(">");
      return { ...named, kind: "borrow" };
    }
    if (this.#takes("<")) {
      const parts = this.#parts(">");
      return made(word, { parts: word === "option" ? [undefined, ...parts] : parts });
    }
    return { ...typeNamed(word, this.from), name: word };
  }

  signature(): Signature {
    this.#takes("(");
    const { names, parts } = this.#fields(")");
    return {
      names,
      params: parts as WitType[],
      result: this.#takes("->") ? this.type() : undefined,
    };
  }
}

function typeNamed(name: string, from: string): WitType {
  const { uses, resources, types } = INTERFACES[from]!;
  const used = uses[name];
  if (used !== undefined) {
    const dot = used.lastIndexOf(".");
    const where = used.slice(0, dot);
    return typeNamed(used.slice(dot + 1), where.includes(":") ? where : `fastly:compute/${where}`);
  }
  if (resources.includes(name)) {
    return { kind: "own", names: [], parts: [], resource: `${from}.${name}`, name };
  }
  const text = types[name];
  if (text === undefined) throw new TypeError(`${from} has no type ${name}`);
  return new WitReader(text, from).type();
}

/** Returns the signature of a function of an interface; undefined if there is none of that name. */
export function signatureOf(from: string, name: string): Signature | undefined {
  if (!Object.hasOwn(INTERFACES, from)) return undefined;
  const { functions } = INTERFACES[from]!;
  return Object.hasOwn(functions, name)
    ? new WitReader(functions[name]!, from).signature()
    : undefined;
}

/** Tells whether a component's type is the same as a type of WIT. */
export function isSame(own: Comparable | undefined, wit: WitType | undefined): boolean {
  if (!own || !wit) return own === wit;
  if (own.kind !== wit.kind) return false;
  if (wit.resource !== undefined) return own.resource?.name === wit.resource;
  const { names = [], parts = [] } = own;
  if (["record", "variant", "enum", "flags"].includes(wit.kind)) {
    if (names.length !== wit.names.length) return false;
    if (!names.every((name, i) => name === wit.names[i])) return false;
    if (wit.kind === "enum" || wit.kind === "flags") return true;
  }
  return parts.length === wit.parts.length && parts.every((part, i) => isSame(part, wit.parts[i]));
}
