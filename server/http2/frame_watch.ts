import { Buffer } from "node:buffer";
import {
  DATA,
  END_STREAM,
  FRAME_HEAD,
  HEADERS,
  PREFACE,
  PRIORITY,
  PROTOCOL_ERROR,
  RST_STREAM,
  STREAM_CLOSED,
} from "./frame_format.ts";

/** Bytes of a PRIORITY frame up to the stream that it depends on. */
const PRIORITY_HEAD = FRAME_HEAD + 4;
/** Maximum number of streams that are open towards the client, beyond which nothing is checked. */
const MAX_OPEN = 4096;
/** Number of streams that are remembered after their end. */
const MAX_ENDED = 1024;

/**
 * Checks frames that `node:http2` lets pass: it forgets closed streams, and ignores frames on them and those of PRIORITY.
 * Only streams that the client itself has ended count, since frames on a stream that the server has ended may be on their
 * way (RFC 9113, section 5.1).
 */
export class FrameWatch {
  readonly #head: Buffer = Buffer.alloc(PRIORITY_HEAD);
  /** Bytes of the head that have arrived. */
  #filled = 0;
  /** Bytes to pass over: the preface, then the rest of a frame. */
  #skip = PREFACE;
  #highest = 0;
  /** Streams that the client has opened and neither ended nor reset. */
  readonly #open = new Set<number>();
  /** Streams that the client has ended or reset, the last ones. */
  readonly #ended = new Set<number>();

  /**
   * Reads bytes of the connection, in order.
   *
   * @returns Error code of the first frame that is a connection error (section 7), if there is one.
   */
  read(chunk: Uint8Array): number | undefined {
    let at = 0;
    while (at < chunk.length) {
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      at += skipped;
      const wanted = this.#filled > 3 && this.#head[3] === PRIORITY ? PRIORITY_HEAD : FRAME_HEAD;
      const taken = Math.min(wanted - this.#filled, chunk.length - at);
      for (let i = 0; i < taken; i++) this.#head[this.#filled++] = chunk[at++]!;
      if (this.#filled < FRAME_HEAD) continue;
      if (this.#head[3] === PRIORITY && this.#filled < PRIORITY_HEAD) continue;
      const error = this.#check();
      if (error !== undefined) return error;
    }
    return undefined;
  }

  /** Checks the frame whose head has arrived, and passes over its payload. */
  #check(): number | undefined {
    const head = this.#head;
    const length = head.readUIntBE(0, 3);
    const [type, flags] = [head[3]!, head[4]!];
    const stream = head.readUInt32BE(5) & 0x7fffffff;
    this.#skip = Math.max(0, length + FRAME_HEAD - this.#filled);
    this.#filled = 0;
    if (type === PRIORITY) {
      const parent = head.readUInt32BE(FRAME_HEAD) & 0x7fffffff;
      return stream === 0 || parent === stream ? PROTOCOL_ERROR : undefined;
    }
    if (type === RST_STREAM) this.#end(stream);
    if (type !== DATA && type !== HEADERS) return undefined;
    if (stream > this.#highest) {
      this.#highest = stream;
      this.#open.add(stream);
    } else if (!this.#open.has(stream) && this.#open.size < MAX_OPEN) {
      return type === DATA || this.#ended.has(stream) ? STREAM_CLOSED : PROTOCOL_ERROR;
    }
    if (flags & END_STREAM) this.#end(stream);
    return undefined;
  }

  #end(stream: number): void {
    if (!this.#open.delete(stream)) return;
    this.#ended.add(stream);
    if (this.#ended.size <= MAX_ENDED) return;
    for (const oldest of this.#ended) return void this.#ended.delete(oldest);
  }
}
