/** The colours that {@linkcode Output.paint} knows. */
export type Colour = keyof typeof CODES;

const CODES = { dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** What an {@linkcode Output} writes to: `Deno.stdout`, `Deno.stderr` or a test. */
export interface OutputStream {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** Text is handed on when this much has come together. */
const MAX_BUFFERED = 64 * 1024;
/** How soon a full pipe is tried again. */
const RETRY_MILLIS = 1;
const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** Lines for one of the process's streams, written together once per turn of the event loop. */
export class Output {
  readonly #sink: OutputStream;
  readonly #colours: boolean;
  readonly #encoder = new TextEncoder();
  #text = "";
  #due = false;

  /** @param colours Whether colours are welcome; they are used on a terminal only. */
  constructor(sink: OutputStream, colours: boolean) {
    this.#sink = sink;
    this.#colours = colours && sink.isTerminal();
  }

  /** The text in that colour, if the reader sees colours. */
  paint(colour: Colour, text: string): string {
    return this.#colours ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
  }

  line(text: string): void {
    this.#text += text + "\n";
    if (this.#text.length >= MAX_BUFFERED) return this.flush();
    if (this.#due) return;
    this.#due = true;
    setTimeout(this.#turn, 0);
  }

  /** Writes bytes as they are, after what is buffered. */
  raw(bytes: Uint8Array): void {
    this.flush();
    this.#write(bytes);
  }

  /** Writes what is buffered. */
  flush(): void {
    if (!this.#text) return;
    const bytes = this.#encoder.encode(this.#text);
    this.#text = "";
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    while (bytes.length) {
      try {
        bytes = bytes.subarray(this.#sink.writeSync(bytes));
      } catch (error) {
        // Nobody reads this stream any more (`fastlike … | head`): serving goes on.
        if (!(error instanceof Deno.errors.WouldBlock)) return;
        // A pipe that node set up for its child does not block: this waits for its reader.
        Atomics.wait(NEVER, 0, 0, RETRY_MILLIS);
      }
    }
  }

  readonly #turn = (): void => {
    this.#due = false;
    this.flush();
  };
}
