import { HttpVersion } from "../service/http/exchange.ts";
import { asksForUpgrade } from "../service/backends/upgrade.ts";
import { HeaderList } from "../service/http/headers.ts";
import {
  CHUNKED,
  type FieldFraming,
  HeadFields,
  lengthsOf,
} from "../service/http/http1/head_fields.ts";
import type { HeadGrammar } from "../service/http/http1/head_parser.ts";
import { joined } from "../service/http/http1/list_fields.ts";
import { badMessage, Rejection } from "../service/http/http1/rejection.ts";
import { isHost } from "./host_field.ts";

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
  /** Framing of the content (RFC 9112, section 6.3): without fields for it there is none. */
  readonly framing: FieldFraming;
  /** Whether the client allows the connection to persist (RFC 9112, section 9.3). */
  readonly persists: boolean;
  /** Whether the client waits for `100 Continue` (RFC 9110, section 10.1.1). */
  readonly expectsContinue: boolean;
  /** Whether the client asks to change protocols (RFC 9110, section 7.8). */
  readonly upgrades: boolean;
}

const NO_CONTENT: FieldFraming = { kind: "length", length: 0 };

/** method SP request-target SP HTTP-version (RFC 9112, section 3): any token is a method. */
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const COMMON_LINE = /^([A-Z]+) (\/[\x21\x22\x24-\x7e]*) HTTP\/1\.1$/;
/** absolute-form (RFC 9112, section 3.2.2): scheme, authority, the rest. */
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.\-]*):\/\/([^/?]*)(.*)$/;

const LENGTHS = lengthsOf(["host", "expect", "upgrade"]);

/** Reads a request's head. */
class RequestHeadReader extends HeadFields<RequestHeadFields> {
  #method = "";
  #target = "";
  #host: string | undefined;
  #hostAt = 0;
  #expect: string | undefined;
  #upgrade = false;

  constructor() {
    super(LENGTHS);
  }

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
    this.http10 = minor === "0";
    this.#method = method!;
    this.#target = target!;
  }

  finish(): RequestHeadFields {
    const { authority, path } = this.#resolve();
    const framing = this.frame() ?? NO_CONTENT;
    const headers = new HeaderList(this.raw);
    return {
      method: this.#method,
      target: this.#target,
      authority,
      path,
      version: this.http10 ? HttpVersion.http10 : HttpVersion.http11,
      headers,
      framing,
      persists: this.persists(),
      expectsContinue: this.#expectsContinue(),
      upgrades: this.#upgrade && !this.http10 && asksForUpgrade(this.#method, headers),
    };
  }

  protected override note(name: string, value: string): void {
    switch (name) {
      case "host":
        // RFC 9112, section 3.2: more than one Host is a 400.
        if (this.#host !== undefined) badMessage("There is more than one Host field");
        this.#host = value;
        this.#hostAt = this.raw.length + 1;
        break;
      case "expect":
        this.#expect = joined(this.#expect, value);
        break;
      case "upgrade":
        this.#upgrade = true;
        break;
      default:
        super.note(name, value);
    }
  }

  /** Returns the authority and path of the target URI (RFC 9112, sections 3.2 and 3.3). */
  #resolve(): { authority: string; path: string } {
    const host = this.#host;
    if (host === undefined) {
      if (!this.http10) badMessage("There is no Host field");
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
    if (this.#host !== undefined) this.raw[this.#hostAt] = authority!;
    return { authority: authority!, path: rest!.startsWith("/") ? rest! : `/${rest}` };
  }

  protected frameByCodings(codings: readonly string[]): FieldFraming {
    if (codings.at(-1) !== "chunked") badMessage("The last transfer coding is not chunked");
    if (codings.length === 1) return CHUNKED;
    if (codings.indexOf("chunked") < codings.length - 1 || codings.includes("")) {
      badMessage("The transfer codings are not valid");
    }
    throw new Rejection(501, "No transfer coding but chunked is supported");
  }

  /** RFC 9110, section 10.1.1: an HTTP/1.0 client's expectation is ignored; one that is not known is a 417. */
  #expectsContinue(): boolean {
    if (this.#expect === undefined || this.http10) return false;
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
