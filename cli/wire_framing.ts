import type { ResponseHead } from "../service/exchange.ts";

/** How a response's end will be told: by its length, by chunks, by closing; or it has no body at all. */
export type BodyFraming = { kind: "none" } | { kind: "length"; length: number } | { kind: "open" };

/** What to give `writeHead`, and what that means for the body. */
export interface FramedHead {
  /** The fields as `[name, value, …]`. */
  readonly raw: readonly string[];
  readonly body: BodyFraming;
}

const NONE: BodyFraming = { kind: "none" };
const OPEN: BodyFraming = { kind: "open" };

/** What the response answers, as far as it decides how a body may go out. */
export interface Asked {
  readonly toHead: boolean;
  /** Whether the client understands chunks: HTTP/1.1. */
  readonly chunks: boolean;
}

/**
 * Keeps the head's framing fields honest: whatever they say, the bytes that follow will be what the client expects.
 * Node writes framing fields as they come, and throws on a Trailer field without chunks.
 *
 * @param length The body's length where it is known.
 */
export function frame(head: ResponseHead, length: number | undefined, asked: Asked): FramedHead {
  const raw = head.headers.raw;
  const found = look(raw);
  if (head.status === 204 || head.status === 304 || asked.toHead) {
    const drop = head.status === 204 ? FRAMING : CODING;
    const kept = found.any ? without(raw, drop) : raw;
    const missing = asked.toHead && length && found.length === undefined && head.status >= 200;
    return {
      raw: missing ? withLength(kept, length) : kept,
      body: NONE,
    };
  }
  if (found.chunked && asked.chunks) {
    return { raw: found.lengths ? without(raw, LENGTH) : raw, body: OPEN };
  }
  const declared = found.length;
  if (length === undefined && declared === undefined) {
    const drop = asked.chunks ? LENGTH_AND_CODING : FRAMING;
    return { raw: found.any ? without(raw, drop) : raw, body: OPEN };
  }
  const actual = length ?? declared!;
  const right = declared === actual && found.lengths === 1 && !found.codings && !found.trailer;
  return {
    raw: right ? raw : withLength(found.any ? without(raw, FRAMING) : raw, actual),
    body: { kind: "length", length: actual },
  };
}

const LENGTH = new Set(["content-length"]);
const CODING = new Set(["transfer-encoding", "trailer"]);
const LENGTH_AND_CODING = new Set(["content-length", "transfer-encoding"]);
const FRAMING = new Set(["content-length", "transfer-encoding", "trailer"]);

interface Found {
  any: boolean;
  /** How many Content-Length fields there are. */
  lengths: number;
  /** What they say, if they agree and are numbers. */
  length: number | undefined;
  codings: number;
  /** Whether "chunked" is the one transfer coding. */
  chunked: boolean;
  trailer: boolean;
}

function look(raw: readonly string[]): Found {
  const found: Found = {
    any: false,
    lengths: 0,
    length: undefined,
    codings: 0,
    chunked: false,
    trailer: false,
  };
  for (let i = 0; i < raw.length; i += 2) {
    const size = raw[i]!.length;
    if (size !== 14 && size !== 17 && size !== 7) continue; // the lengths of the three names
    const name = raw[i]!.toLowerCase();
    if (name === "content-length") noteLength(found, raw[i + 1]!);
    else if (name === "transfer-encoding") noteCoding(found, raw[i + 1]!);
    else if (name === "trailer") found.trailer = true;
    else continue;
    found.any = true;
  }
  return found;
}

function noteLength(found: Found, value: string): void {
  const length = /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
  found.length = found.lengths === 0 || length === found.length ? length : undefined;
  found.lengths++;
}

function noteCoding(found: Found, value: string): void {
  found.chunked = found.codings === 0 && value.toLowerCase() === "chunked";
  found.codings++;
}

function without(raw: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (!names.has(raw[i]!.toLowerCase())) kept.push(raw[i]!, raw[i + 1]!);
  }
  return kept;
}

function withLength(raw: readonly string[], length: number): string[] {
  return [...raw, "Content-Length", String(length)];
}
