/** Colours of {@linkcode Output.paint}. */
type Colour = keyof typeof CODES;

const CODES = { dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Stream that an {@linkcode Output} writes to: `Deno.stdout`, `Deno.stderr` or a test's. */
export interface OutputStream {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** Maximum number of buffered characters. */
const MAX_BUFFERED = 64 * 1024;
/** Maximum number of bytes of UTF-8 for one UTF-16 code unit. */
const MAX_BYTES = 3;
/** Time between two attempts to write to a full pipe, in milliseconds. */
const RETRY_MILLIS = 1;
const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** Writer of lines to one of the process's streams, which batches the lines of one turn of the event loop. */
export class Output {
  readonly #sink: OutputStream;
  readonly #colours: boolean;
  readonly #encoder = new TextEncoder();
  /** Buffer for the encoded lines; allocated with the first ones. */
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #text = "";
  #due = false;

  /** @param colours Whether colours are used; a stream that is not a terminal never gets any. */
  constructor(sink: OutputStream, colours: boolean) {
    this.#sink = sink;
    this.#colours = colours && sink.isTerminal();
  }

  /** Returns the text in a colour; unchanged if colours are off. */
  paint(colour: Colour, text: string): string {
    return this.#colours ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
  }

  /** Writes a line. */
  line(text: string): void {
    this.#text += text + "\n";
    if (this.#text.length >= MAX_BUFFERED) return this.flush();
    if (this.#due) return;
    this.#due = true;
    setTimeout(this.#turn, 0);
  }

  /** Writes bytes at once, after the buffered lines. */
  raw(bytes: Uint8Array): void {
    this.flush();
    this.#write(bytes);
  }

  /** Writes the buffered lines. */
  flush(): void {
    if (!this.#text) return;
    const text = this.#text;
    this.#text = "";
    const room = this.#bytes ??= new Uint8Array(MAX_BYTES * MAX_BUFFERED);
    if (MAX_BYTES * text.length > room.length) return this.#write(this.#encoder.encode(text));
    this.#write(room.subarray(0, this.#encoder.encodeInto(text, room).written));
  }

  #write(bytes: Uint8Array): void {
    while (bytes.length) {
      try {
        bytes = bytes.subarray(this.#sink.writeSync(bytes));
      } catch (error) {
        // The reader of this stream has gone (`fastlike … | head`); serving goes on.
        if (!(error instanceof Deno.errors.WouldBlock)) return;
        // A pipe that Node.js has made for its child does not block, so that this waits for its reader.
        Atomics.wait(NEVER, 0, 0, RETRY_MILLIS);
      }
    }
  }

  readonly #turn = (): void => {
    this.#due = false;
    this.flush();
  };
}
