import { Buffer } from "node:buffer";
import { type Beginning, FirstBytesError } from "../first_bytes.ts";

/**
 * Content type of a TLS record with handshake messages, and type of the ClientHello among them (RFC 8446, sections 5.1
 * and 4).
 */
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEAD = 5;
const MESSAGE_HEAD = 4;
/** Maximum length of a ClientHello, in bytes. With keys for post-quantum cryptography it has about 2 KiB. */
export const MAX_HELLO = 64 * 1024;
/** Maximum number of records that a ClientHello spans. */
const MAX_RECORDS = 64;

/** Parts of a ClientHello that fingerprints need (RFC 8446, section 4.1.2). */
export interface ClientHello {
  /** The field `legacy_version`. */
  readonly version: number;
  readonly ciphers: readonly number[];
  /** Types of extensions, in order. */
  readonly extensions: readonly number[];
  /** Versions of the extension `supported_versions`; empty without it. */
  readonly versions: readonly number[];
  /** Groups of the extension `supported_groups`. */
  readonly groups: readonly number[];
  /** Formats of the extension `ec_point_formats`. */
  readonly pointFormats: readonly number[];
  /** Algorithms of the extension `signature_algorithms`. */
  readonly signatures: readonly number[];
  /** First protocol of the extension ALPN, each character a byte; undefined without it. */
  readonly alpn: string | undefined;
}

/**
 * Finds the ClientHello in the first bytes of a TLS connection. It may be spread over several records (RFC 8446,
 * section 5.1), and the bytes stay in the stream for the handshake.
 *
 * @returns The handshake message with its head, without those of records; undefined while it is not whole.
 * @throws {FirstBytesError} If the bytes are no TLS.
 */
export function findClientHello(bytes: Buffer): Beginning<Buffer> | undefined {
  const fragments: Buffer[] = [];
  let found = 0;
  let end: number | undefined;
  for (let at = 0; bytes.length > at;) {
    if (bytes[at] !== HANDSHAKE) throw new FirstBytesError("the client does not begin with TLS");
    if (bytes.length < at + RECORD_HEAD) return undefined;
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at + 1] !== 3 || length === 0 || length > 2 ** 14) {
      throw new FirstBytesError("the client does not begin with a record of TLS");
    }
    const fragment = bytes.subarray(at + RECORD_HEAD, at + RECORD_HEAD + length);
    fragments.push(fragment);
    found += fragment.length;
    at += RECORD_HEAD + length;
    if (fragments.length > MAX_RECORDS) {
      throw new FirstBytesError("the ClientHello is spread over too many records");
    }
    if (found < MESSAGE_HEAD) continue;
    end ??= endOf(Buffer.concat(fragments, MESSAGE_HEAD));
    if (found >= end) return { value: Buffer.concat(fragments, end), taken: 0 };
  }
  return undefined;
}

/** Returns the length of a ClientHello in bytes, its head included. */
function endOf(head: Buffer): number {
  if (head[0] !== CLIENT_HELLO) {
    throw new FirstBytesError("the client does not begin with a ClientHello");
  }
  const end = MESSAGE_HEAD + head.readUIntBE(1, 3);
  if (end > MAX_HELLO) throw new FirstBytesError("the ClientHello is too large");
  return end;
}

/**
 * Parses a ClientHello.
 *
 * @param message The handshake message with its head.
 * @returns Its parts; undefined if the message is not valid.
 */
export function parseClientHello(message: Buffer): ClientHello | undefined {
  try {
    return parse(new Reader(message.subarray(MESSAGE_HEAD)));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parse(reader: Reader): ClientHello {
  const version = reader.number(2);
  reader.bytes(32); // random
  reader.vector(1); // session id
  const ciphers = reader.vector(2).numbers(2);
  reader.vector(1); // compression methods
  const found = new Map<number, Reader>();
  const extensions: number[] = [];
  const all = reader.left ? reader.vector(2) : reader;
  while (all.left) {
    const type = all.number(2);
    extensions.push(type);
    found.set(type, all.vector(2));
  }
  const list = (type: number, lengthBytes: number, size: number) =>
    found.get(type)?.vector(lengthBytes).numbers(size) ?? [];
  const protocols = found.get(16)?.vector(2);
  return {
    version,
    ciphers,
    extensions,
    versions: list(43, 1, 2),
    groups: list(10, 2, 2),
    pointFormats: list(11, 1, 1),
    signatures: list(13, 2, 2),
    alpn: protocols?.left ? protocols.vector(1).rest().toString("latin1") : undefined,
  };
}

/** Reads numbers and vectors (RFC 8446, section 3.4). Throws a RangeError at the end of the bytes. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: number): number {
    return this.bytes(size).readUIntBE(0, size);
  }

  bytes(length: number): Buffer {
    if (length > this.left) throw new RangeError("The message ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  vector(lengthBytes: number): Reader {
    return new Reader(this.bytes(this.number(lengthBytes)));
  }

  numbers(size: number): number[] {
    const numbers: number[] = [];
    while (this.left) numbers.push(this.number(size));
    return numbers;
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }
}
