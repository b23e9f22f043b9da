import { Buffer } from "node:buffer";
import {
  ACK,
  FRAME_HEAD,
  HEADERS,
  PREFACE,
  PRIORITY,
  SETTINGS,
  WINDOW_UPDATE,
} from "./frame_format.ts";

/** Maximum number of bytes that are examined; frames after them are ignored. */
const MAX_BYTES = 16 * 1024;

/** Reads the frames that a client sends ahead of its first request (RFC 9113, section 3.4). */
export class Http2Opening {
  readonly #settings: string[] = [];
  readonly #priorities: string[] = [];
  #window: string | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #at = PREFACE;
  #over = false;

  /** Adds bytes of the connection, in order; returns whether more are needed. */
  add(chunk: Uint8Array): boolean {
    if (this.#over) return false;
    const room = MAX_BYTES - this.#bytes.length;
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, room)]);
    while (!this.#over && this.#bytes.length >= this.#at + FRAME_HEAD) {
      const length = this.#bytes.readUIntBE(this.#at, 3);
      const start = this.#at + FRAME_HEAD;
      const [type, flags] = [this.#bytes[this.#at + 3]!, this.#bytes[this.#at + 4]!];
      if (type === HEADERS) this.#over = true;
      else if (this.#bytes.length < start + length) break;
      else this.#note(type, flags, this.#at, this.#bytes.subarray(start, start + length));
      this.#at = start + length;
    }
    if (this.#bytes.length >= MAX_BYTES) this.#over = true;
    if (this.#over) this.#bytes = Buffer.alloc(0);
    return !this.#over;
  }

  /**
   * Returns the client's fingerprint: settings in their order, window update, priorities and the order of pseudo-header
   * fields, as in "Passive Fingerprinting of HTTP/2 Clients" (Akamai, 2017).
   *
   * @param raw Fields of the first request, in the client's order.
   */
  fingerprint(raw: readonly string[]): string {
    const names = raw.filter((name, at) => at % 2 === 0 && name.startsWith(":"));
    return [
      this.#settings.join(";"),
      this.#window ?? "00",
      this.#priorities.join(",") || "0",
      names.map((name) => name[1]).join(","),
    ].join("|");
  }

  #note(type: number, flags: number, at: number, payload: Buffer): void {
    const stream = this.#bytes.readUInt32BE(at + 5) & 0x7fffffff;
    if (type === SETTINGS && !(flags & ACK)) {
      for (let at = 0; at + 6 <= payload.length; at += 6) {
        this.#settings.push(`${payload.readUInt16BE(at)}:${payload.readUInt32BE(at + 2)}`);
      }
    } else if (type === WINDOW_UPDATE && stream === 0 && payload.length === 4) {
      this.#window ??= String(payload.readUInt32BE(0) & 0x7fffffff);
    } else if (type === PRIORITY && payload.length === 5) {
      const parent = payload.readUInt32BE(0);
      const weight = payload[4]! + 1;
      this.#priorities.push(`${stream}:${parent >>> 31}:${parent & 0x7fffffff}:${weight}`);
    }
  }
}
