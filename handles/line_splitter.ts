const NEWLINE = 10;
/** Length from which a line is passed on in pieces, in bytes. */
const MAX_LINE_BYTES = 64 * 1024;

/** Splits the standard output or error of a guest into lines. */
export class LineSplitter {
  readonly #tell: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** Takes bytes, which must not be changed afterwards. */
  write(bytes: Uint8Array): void {
    let from = 0;
    for (let at; (at = bytes.indexOf(NEWLINE, from)) >= 0; from = at + 1) {
      this.#keep(bytes.subarray(from, at));
      this.#flush();
    }
    this.#keep(bytes.subarray(from));
    if (this.#restBytes > MAX_LINE_BYTES) this.#flush();
  }

  /** Passes on a last line without a newline. */
  flush(): void {
    if (this.#restBytes) this.#flush();
  }

  #keep(piece: Uint8Array): void {
    if (!piece.length) return;
    this.#rest.push(piece);
    this.#restBytes += piece.length;
  }

  #flush(): void {
    let line = "";
    for (const piece of this.#rest) line += this.#decoder.decode(piece, { stream: true });
    line += this.#decoder.decode();
    this.#rest = [];
    this.#restBytes = 0;
    this.#tell(line);
  }
}
