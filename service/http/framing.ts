import { type ByteSource, declarableLength, discard, isWhole, type Payload } from "./bytes.ts";
import { refuse } from "../errors.ts";
import type { HeaderList } from "./headers.ts";

/** Who decides on Content-Length and Transfer-Encoding: the host, or the guest's own fields if they can stand. */
export type Framing = "automatic" | "manual";

/** A message whose framing fields and content fit each other. */
export interface Framed {
  /** Never with both Content-Length and Transfer-Encoding (RFC 9112, section 6.2). */
  readonly headers: HeaderList;
  /** Where Content-Length stands: whole and of that length, or a source that ends there or fails before it. */
  readonly body: Payload;
}

const BODILESS_METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "DELETE",
]);

/**
 * Frames a request: by the guest's own fields with manual framing, else by the exact length where it is known, else
 * by chunks.
 */
export function frameRequest(
  headers: HeaderList,
  method: string,
  body: Payload,
  framing: Framing,
): Framed {
  if (framing === "manual" && canStand(headers)) return frameAsTold(headers, body);
  const length = declarableLength(body);
  const framed = headers.copy();
  if (length === undefined) {
    unframe(framed);
    framed.append("transfer-encoding", "chunked");
    return { headers: framed, body };
  }
  if (!tells(headers, length)) {
    unframe(framed);
    if (length > 0 || !BODILESS_METHODS.has(method)) {
      framed.append("content-length", String(length));
    }
  }
  return { headers: framed, body: fit(body, length) };
}

/**
 * Frames a response. Without a known length the front chunks, or closes. The response to a HEAD request keeps the
 * length that the guest declares, as does a 304; the front sends no content with either.
 */
export function frameResponse(
  headers: HeaderList,
  status: number,
  toHead: boolean,
  body: Payload,
  framing: Framing,
): Framed {
  if (status < 200 || status === 204) return { headers: frameInformational(headers), body };
  if (toHead || status === 304) return { headers: frameWithoutContent(headers, body), body };
  if (framing === "manual" && canStand(headers)) return frameAsTold(headers, body);
  const length = declarableLength(body);
  const framed = headers.copy();
  if (length === undefined) {
    unframe(framed);
    return { headers: framed, body };
  }
  if (!tells(headers, length)) {
    unframe(framed);
    framed.append("content-length", String(length));
  }
  return { headers: framed, body: fit(body, length) };
}

/** The fields of a head that content never follows: 1xx and 204 (RFC 9110, section 8.6). */
export function frameInformational(headers: HeaderList): HeaderList {
  const framed = headers.copy();
  unframe(framed);
  return framed;
}

/** The fields of a response that tells of content and has none (RFC 9110, section 8.6). */
function frameWithoutContent(headers: HeaderList, body: Payload): HeaderList {
  const framed = headers.copy();
  framed.delete("transfer-encoding");
  const length = declarableLength(body);
  if (length && !framed.has("content-length")) framed.append("content-length", String(length));
  return framed;
}

/** Frames by the guest's fields; of both, Transfer-Encoding decides (RFC 9112, section 6.3). */
function frameAsTold(headers: HeaderList, body: Payload): Framed {
  const framed = headers.copy();
  if (framed.has("transfer-encoding")) {
    framed.delete("content-length");
    return { headers: framed, body };
  }
  return { headers: framed, body: fit(body, Number(framed.get("content-length"))) };
}

/** Cuts content at the length; what ends before it fails there. */
function fit(body: Payload, length: number): Payload {
  if (!isWhole(body)) return new MeasuredSource(body, length);
  if (body.length < length) return new MeasuredSource(sourceOf(body), length);
  return body.length === length ? body : body.subarray(0, length);
}

/** A source that ends at its declared length, or fails where it is shorter. What comes beyond it is thrown away. */
class MeasuredSource implements ByteSource {
  readonly trailers: undefined; // none can follow content that is framed by its length
  readonly #source: ByteSource;
  readonly #declared: number;
  #left: number;

  constructor(source: ByteSource, declared: number) {
    this.#source = source;
    this.#declared = this.#left = declared;
    if (declared === 0) void discard(source);
  }

  get length(): number {
    return this.#left;
  }

  read(): ReturnType<ByteSource["read"]> {
    if (this.#left === 0) return undefined;
    const chunk = this.#source.read();
    return chunk instanceof Promise ? chunk.then((chunk) => this.#take(chunk)) : this.#take(chunk);
  }

  cancel(reason?: unknown): void {
    this.#source.cancel(reason);
  }

  #take(chunk: Uint8Array | undefined): Uint8Array | undefined {
    if (!chunk) {
      refuse(
        "http-incomplete",
        `the body is ${this.#left} bytes shorter than its Content-Length of ${this.#declared}`,
      );
    }
    const taken = chunk.length > this.#left ? chunk.subarray(0, this.#left) : chunk;
    this.#left -= taken.length;
    if (this.#left === 0) void discard(this.#source);
    return taken;
  }
}

/** Bytes as a source. */
function sourceOf(bytes: Uint8Array): ByteSource {
  let left: Uint8Array | undefined = bytes.length ? bytes : undefined;
  return {
    get length() {
      return left?.length ?? 0;
    },
    trailers: undefined,
    read() {
      const bytes = left;
      left = undefined;
      return bytes;
    },
    cancel() {
      left = undefined;
    },
  };
}

/** Whether the fields say the length already: then their spelling and place stay. */
function tells(headers: HeaderList, length: number): boolean {
  const lengths = headers.getAll("content-length");
  return lengths.length === 1 && lengths[0] === String(length) && !headers.has("transfer-encoding");
}

function unframe(headers: HeaderList): void {
  headers.delete("content-length");
  headers.delete("transfer-encoding");
}

/** Whether the guest's own framing fields make sense: one plain length that a number holds exactly, or chunked. */
function canStand(headers: HeaderList): boolean {
  const lengths = headers.getAll("content-length");
  const codings = headers.getAll("transfer-encoding");
  return lengths.length + codings.length > 0 &&
    (lengths.length === 0 || (lengths.length === 1 && /^[0-9]{1,15}$/.test(lengths[0]!))) &&
    (codings.length === 0 || (codings.length === 1 && codings[0]!.toLowerCase() === "chunked"));
}

/** Whether the fields frame a body. */
export function isFramed(headers: HeaderList): boolean {
  return headers.has("content-length") || headers.has("transfer-encoding");
}

/** What Content-Length says, unless Transfer-Encoding overrules it. */
export function lengthOf(headers: HeaderList): number | undefined {
  const length = headers.get("content-length");
  return length === undefined || headers.has("transfer-encoding") ? undefined : Number(length);
}
