import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";

/** Types of frames (RFC 9113, section 6). */
export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;
/** Options of a listener that takes HTTP/2 in clear, and the flag by which curl speaks it without asking. */
export const H2C = { h2c: true };
export const AHEAD = "--http2-prior-knowledge";
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** A frame as it came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A frame's bytes. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function settings(...pairs: (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [at, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, at * 6);
    payload.writeUInt32BE(value, at * 6 + 2);
  }
  return frame(TYPE.settings, 0, 0, payload);
}

export function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A head in HPACK, each field a literal that is not indexed (RFC 7541, section 6.2.2). */
export function block(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const parts = fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]);
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([length(bytes.length), bytes]);
}

/** RFC 7541, section 5.1, with a prefix of seven bits. */
function length(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  for (value -= 127; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return Buffer.from([...bytes, value]);
}

/** A request without content, or with it to follow; a long head goes on in CONTINUATION frames. */
export function request(
  stream: number,
  path: string,
  { method = "GET", ends = true, fields = [] as (readonly [string, string])[] } = {},
): Buffer {
  const head = block([
    [":method", method],
    [":scheme", "http"],
    [":authority", "a.test"],
    [":path", path],
    ...fields,
  ]);
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < head.length; at += 16_384) {
    const last = at + 16_384 >= head.length;
    const flags = (last ? END_HEADERS : 0) | (at === 0 && ends ? END_STREAM : 0);
    const type = at === 0 ? TYPE.headers : TYPE.continuation;
    frames.push(frame(type, flags, stream, head.subarray(at, at + 16_384)));
  }
  return Buffer.concat(frames);
}

/** HTTP/2 connection by hand: sends bytes, receives frames. */
export class RawConnection implements Disposable {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  /** Resolves when the connection has closed. */
  readonly closed: Promise<void>;
  #bytes: Buffer = Buffer.alloc(0);
  #wake = Promise.withResolvers<void>();
  #over = false;
  /** Acknowledgements of settings that wait for the end of what is sent in pieces. */
  #acks: Buffer[] | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.on("data", (bytes) => this.#read(bytes as Buffer));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#over = true;
      this.#wake.resolve();
      resolve();
    });
  }

  static async open(port: number, first: Uint8Array = hello()): Promise<RawConnection> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => socket.on("connect", resolve).on("error", reject));
    const connection = new RawConnection(socket);
    if (first.length) await connection.send(first);
    return connection;
  }

  send(...bytes: Uint8Array[]): Promise<void> {
    return new Promise((resolve) => this.socket.write(Buffer.concat(bytes), () => resolve()));
  }

  /** Sends bytes in pieces. Settings that come meanwhile are acknowledged behind them, and not within a frame. */
  async sendInPieces(bytes: Buffer, size: number, between = async () => {}): Promise<void> {
    this.#acks = [];
    for (let at = 0; at < bytes.length; at += size) {
      await this.send(bytes.subarray(at, at + size));
      await between();
    }
    const acks = this.#acks;
    this.#acks = undefined;
    await this.send(...acks);
  }

  /** Takes the first frame for which `test` holds; undefined if the connection ends before. */
  async find(test: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const at = this.frames.findIndex(test);
      if (at >= 0) return this.frames.splice(at, 1)[0];
      if (this.#over) return undefined;
      await this.#wake.promise;
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 9) {
      const length = this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < 9 + length) break;
      const [type, flags] = [this.#bytes[3]!, this.#bytes[4]!];
      const stream = this.#bytes.readUInt32BE(5);
      const payload = this.#bytes.subarray(9, 9 + length);
      this.frames.push({ type, flags, stream, payload });
      this.#bytes = this.#bytes.subarray(9 + length);
      if (type === TYPE.settings && !(flags & ACK)) {
        const ack = frame(TYPE.settings, ACK, 0, Buffer.alloc(0));
        if (this.#acks) this.#acks.push(ack);
        else this.socket.write(ack);
      }
    }
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** First bytes of a client: preface and settings. */
export function hello(...pairs: (readonly [id: number, value: number])[]): Buffer {
  return Buffer.concat([Buffer.from(PREFACE), settings(...pairs)]);
}

/** Returns the status of a head whose first field it is: of HPACK's static table, or a literal behind its name. */
export function statusOf(payload: Buffer): string {
  const first = payload[0]!;
  if (first >= 0x88 && first <= 0x8e) {
    return ["200", "204", "206", "304", "400", "404", "500"][first - 0x88]!;
  }
  const [length] = [payload[1]!];
  const bits = Array.from(
    payload.subarray(2, 2 + (length & 127)),
    (byte) => byte.toString(2).padStart(8, "0"),
  ).join("");
  if (!(length & 128)) return payload.toString("latin1", 2, 2 + length);
  // Huffman codes of digits (RFC 7541, appendix B): 0 to 2 have five bits, the others six.
  let text = "";
  for (let rest = bits; text.length < 3;) {
    const five = parseInt(rest.slice(0, 5), 2);
    if (five <= 2) [text, rest] = [text + five, rest.slice(5)];
    else [text, rest] = [text + (parseInt(rest.slice(0, 6), 2) - 0x16), rest.slice(6)];
  }
  return text;
}
