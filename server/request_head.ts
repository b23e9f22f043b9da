import { HttpVersion } from "../service/http/exchange.ts";
import { asksForUpgrade } from "../service/backends/upgrade.ts";
import { HeaderList } from "../service/http/headers.ts";
import { readName, readValue } from "../service/http/http1/field_lines.ts";
import type { HeadGrammar, HeadReader } from "../service/http/http1/head_parser.ts";
import { itemsOf, joined } from "../service/http/http1/list_fields.ts";
import { badMessage, Rejection } from "../service/http/http1/rejection.ts";
import { isHost } from "./host_field.ts";

/** Framing of a request's content (RFC 9112, section 6.3). */
type RequestFraming =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" };

/** A request's head, read and checked. */
export interface RequestHeadFields {
  readonly method: string;
  /** Request target as the client sent it (RFC 9112, section 3.2). */
  readonly target: string;
  /** Host and port of the URL, from the target or else the Host field; empty if neither names one. */
  readonly authority: string;
  /** Path and query, beginning with a slash. */
  readonly path: string;
  readonly version: typeof HttpVersion.http10 | typeof HttpVersion.http11;
  readonly headers: HeaderList;
  readonly framing: RequestFraming;
  /** Whether the client allows the connection to persist (RFC 9112, section 9.3). */
  readonly persists: boolean;
  /** Whether the client waits for `100 Continue` (RFC 9110, section 10.1.1). */
  readonly expectsContinue: boolean;
  /** Whether the client asks to change protocols (RFC 9110, section 7.8). */
  readonly upgrades: boolean;
}

const NO_CONTENT: RequestFraming = { kind: "length", length: 0 };
const CHUNKED: RequestFraming = { kind: "chunked" };

/** method SP request-target SP HTTP-version (RFC 9112, section 3): any token is a method. */
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const COMMON_LINE = /^([A-Z]+) (\/[\x21\x22\x24-\x7e]*) HTTP\/1\.1$/;
/** absolute-form (RFC 9112, section 3.2.2): scheme, authority, the rest. */
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.\-]*):\/\/([^/?]*)(.*)$/;

/** Fields that the server itself acts on, by their names in lower case. */
type ActedOn =
  | "host"
  | "content-length"
  | "transfer-encoding"
  | "connection"
  | "expect"
  | "upgrade";
const ACTED_ON: ReadonlyMap<string, ActedOn> = new Map(
  (["host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"] as const)
    .map((name) => [name, name]),
);
/** Bit set of the lengths of those names, so that most other names need not be lower-cased. */
const ACTED_ON_LENGTHS = [...ACTED_ON.keys()].reduce((bits, { length }) => bits | 1 << length, 0);

/**
 * Reads a request's head line by line (RFC 9112, sections 2 to 6). Lines are given without their CRLF, each character
 * a byte. Every method throws a {@linkcode Rejection}.
 */
class RequestHeadReader implements HeadReader<RequestHeadFields> {
  #method = "";
  #target = "";
  #http10 = false;
  readonly #raw: string[] = [];
  #host: string | undefined;
  #hostAt = 0;
  #length: string | undefined;
  #coding: string | undefined;
  #connection: string | undefined;
  #expect: string | undefined;
  #upgrade = false;

  /** Reads the request-line. */
  startLine(line: string): void {
    const common = COMMON_LINE.exec(line);
    if (common) {
      this.#method = common[1]!;
      this.#target = common[2]!;
      return;
    }
    const [match, method, target, major, minor] = REQUEST_LINE.exec(line) ?? [];
    if (match === undefined) badMessage("The request line is not valid");
    if (major !== "1") {
      throw new Rejection(505, `HTTP/${major}.${minor} is not spoken here: use HTTP/1.1`);
    }
    // A higher minor version is read as the highest known one (RFC 9110, section 2.5).
    this.#http10 = minor === "0";
    this.#method = method!;
    this.#target = target!;
  }

  /** Reads the field line in `text` from index `from` to `to` (RFC 9112, section 5). */
  fieldLine(text: string, from: number, to: number): void {
    const name = readName(text, from, to);
    const { length } = name;
    const value = readValue(text, from + length + 1, to);
    if (length < 32 && ACTED_ON_LENGTHS >> length & 1) this.#note(name, value);
    this.#raw.push(name, value);
  }

  /** Checks the whole head, once its empty line has arrived. */
  finish(): RequestHeadFields {
    const { authority, path } = this.#resolve();
    const framing = this.#frame();
    const headers = new HeaderList(this.#raw);
    return {
      method: this.#method,
      target: this.#target,
      authority,
      path,
      version: this.#http10 ? HttpVersion.http10 : HttpVersion.http11,
      headers,
      framing,
      persists: this.#persists(),
      expectsContinue: this.#expectsContinue(),
      upgrades: this.#upgrade && !this.#http10 && asksForUpgrade(this.#method, headers),
    };
  }

  #note(name: string, value: string): void {
    switch (ACTED_ON.get(name.toLowerCase())) {
      case "host":
        // RFC 9112, section 3.2: more than one Host is a 400.
        if (this.#host !== undefined) badMessage("There is more than one Host field");
        this.#host = value;
        this.#hostAt = this.#raw.length + 1;
        break;
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
        break;
      case "expect":
        this.#expect = joined(this.#expect, value);
        break;
      case "upgrade":
        this.#upgrade = true;
    }
  }

  /** Returns the authority and path of the target URI (RFC 9112, sections 3.2 and 3.3). */
  #resolve(): { authority: string; path: string } {
    const host = this.#host;
    if (host === undefined) {
      if (!this.#http10) badMessage("There is no Host field");
    } else if (host !== "" && !isHost(host)) badMessage("The Host field is not valid");
    const target = this.#target;
    if (this.#method === "CONNECT") throw new Rejection(501, "CONNECT is not supported");
    if (target.includes("#")) badMessage("The request target has a fragment");
    if (target.charCodeAt(0) === 0x2f) return { authority: host ?? "", path: target };
    if (target === "*") {
      if (this.#method !== "OPTIONS") badMessage("Only OPTIONS can have * as its target");
      return { authority: host ?? "", path: "/*" };
    }
    return this.#resolveAbsolute(target);
  }

  /** Resolves absolute-form: the target's authority replaces the Host field's (RFC 9112, section 3.2.2). */
  #resolveAbsolute(target: string): { authority: string; path: string } {
    const [match, scheme, authority, rest] = ABSOLUTE.exec(target) ?? [];
    if (match === undefined) badMessage("The request target is neither a path nor a URL");
    if (!/^https?$/i.test(scheme!)) badMessage("The request target's scheme is not http");
    if (!isHost(authority!)) badMessage("The request target's host is not valid");
    if (this.#host !== undefined) this.#raw[this.#hostAt] = authority!;
    return { authority: authority!, path: rest!.startsWith("/") ? rest! : `/${rest}` };
  }

  /** Returns the framing of the content (RFC 9112, sections 6.1 to 6.3). */
  #frame(): RequestFraming {
    const length = this.#length;
    if (this.#coding !== undefined) {
      if (this.#http10) badMessage("HTTP/1.0 has no transfer codings");
      if (length !== undefined) badMessage("There are both Content-Length and Transfer-Encoding");
      const codings = itemsOf(this.#coding);
      if (codings.at(-1) !== "chunked") badMessage("The last transfer coding is not chunked");
      if (codings.length === 1) return CHUNKED;
      if (codings.indexOf("chunked") < codings.length - 1 || codings.includes("")) {
        badMessage("The transfer codings are not valid");
      }
      throw new Rejection(501, "No transfer coding but chunked is supported");
    }
    if (length === undefined) return NO_CONTENT;
    if (!/^[0-9]+$/.test(length)) badMessage("The Content-Length field is not valid");
    const number = Number(length);
    if (number > Number.MAX_SAFE_INTEGER) badMessage("The Content-Length is too large");
    return number === 0 ? NO_CONTENT : { kind: "length", length: number };
  }

  /** RFC 9112, section 9.3: HTTP/1.1 persists by default, HTTP/1.0 only with `keep-alive`. */
  #persists(): boolean {
    if (this.#connection === undefined) return !this.#http10;
    const options = itemsOf(this.#connection);
    if (options.includes("close")) return false;
    return !this.#http10 || options.includes("keep-alive");
  }

  /** RFC 9110, section 10.1.1: an HTTP/1.0 client's expectation is ignored; one that is not known is a 417. */
  #expectsContinue(): boolean {
    if (this.#expect === undefined || this.#http10) return false;
    if (this.#expect.toLowerCase() !== "100-continue") {
      throw new Rejection(417, "Only 100-continue can be expected");
    }
    return true;
  }
}

/** Bytes that a request line may not have. */
const NO_LINE_BYTE = /[^\x20-\x7e]/;

/** Heads of requests, as a parser reads them. */
export const REQUEST_GRAMMAR: HeadGrammar<RequestHeadFields> = {
  reader: () => new RequestHeadReader(),
  mayContain: (part) => !NO_LINE_BYTE.test(part),
  badStart: () => new Rejection(400, "The request line is not valid"),
  tooLong: () => new Rejection(414, "The URL is too long"),
};
