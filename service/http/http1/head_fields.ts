import { readName, readValue } from "./field_lines.ts";
import type { HeadReader } from "./head_parser.ts";
import { itemsOf, joined } from "./list_fields.ts";
import { badMessage } from "./rejection.ts";

/** Framing of content by the fields of its head (RFC 9112, section 6.3). */
export type FieldFraming =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" };

export const CHUNKED: FieldFraming = { kind: "chunked" };

/** Names of the fields that frame a message, and that keep its connection or close it. */
const NAMES = ["content-length", "transfer-encoding", "connection"];

/** Returns the lengths of names as a bit set: most other fields are then passed over by the length of their name alone. */
export function lengthsOf(names: readonly string[]): number {
  return [...NAMES, ...names].reduce((bits, { length }) => bits | 1 << length, 0);
}

/** Reads the fields of a head, and the rules that they set for the message and its connection (RFC 9112). */
export abstract class HeadFields<Head> implements HeadReader<Head> {
  /** Whether the sender speaks HTTP/1.0. */
  protected http10 = false;
  /** Names and values of the fields so far. */
  protected readonly raw: string[] = [];
  readonly #lengths: number;
  #length: string | undefined;
  #coding: string | undefined;
  #connection: string | undefined;

  /** @param lengths Lengths of the names that are acted on, by {@linkcode lengthsOf}. */
  constructor(lengths: number) {
    this.#lengths = lengths;
  }

  abstract startLine(line: string): void;

  fieldLine(text: string, from: number, to: number): void {
    const name = readName(text, from, to);
    const { length } = name;
    const value = readValue(text, from + length + 1, to);
    if (length < 32 && this.#lengths >> length & 1) this.note(name.toLowerCase(), value);
    this.raw.push(name, value);
  }

  abstract finish(): Head;

  /** Notes a field that may be acted on, by its name in lower case; it is not in `raw` yet. */
  protected note(name: string, value: string): void {
    switch (name) {
      case "content-length":
        // RFC 9112, section 6.3: equal values may be merged, or refused as here.
        if (this.#length !== undefined) badMessage("There is more than one Content-Length field");
        this.#length = value;
        break;
      case "transfer-encoding":
        this.#coding = joined(this.#coding, value);
        break;
      case "connection":
        this.#connection = joined(this.#connection, value);
    }
  }

  /** Returns the framing of the content (RFC 9112, sections 6.1 to 6.3); undefined if the fields set none. */
  protected frame(): FieldFraming | undefined {
    const length = this.#length;
    if (this.#coding !== undefined) {
      if (this.http10) badMessage("HTTP/1.0 has no transfer codings");
      if (length !== undefined) badMessage("There are both Content-Length and Transfer-Encoding");
      return this.frameByCodings(itemsOf(this.#coding));
    }
    if (length === undefined) return undefined;
    if (!/^[0-9]+$/.test(length)) badMessage("The Content-Length field is not valid");
    const number = Number(length);
    if (number > Number.MAX_SAFE_INTEGER) badMessage("The Content-Length is too large");
    return { kind: "length", length: number };
  }

  /** Returns the framing by the transfer codings, in lower case; undefined if they set none. */
  protected abstract frameByCodings(codings: readonly string[]): FieldFraming | undefined;

  /**
   * Whether the sender allows the connection to persist (RFC 9112, section 9.3): HTTP/1.1 by default, HTTP/1.0 only with
   * `keep-alive`.
   */
  protected persists(): boolean {
    if (this.#connection === undefined) return !this.http10;
    const options = itemsOf(this.#connection);
    if (options.includes("close")) return false;
    return !this.http10 || options.includes("keep-alive");
  }
}
