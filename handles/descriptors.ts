import { refuse } from "../service/errors.ts";

/** Maximum number of descriptors of one guest at a time. */
const MAX_OPEN = 1024;

/** Open file of WASI: a standard stream, or the directory `/`. */
export class Descriptor {
  readonly kind: "stdin" | "stdout" | "stderr" | "directory";
  /** Path of a descriptor that is open from the start, against which guests resolve paths; undefined for others. */
  readonly preopened: string | undefined;
  /** Flags (`fdflags`) that the guest has set, to be read back. They have no effect. */
  flags = 0;
  /** Rights that the guest has given up, for this descriptor and for descriptors opened through it. */
  renounced: { readonly own: bigint; readonly inherited: bigint } = { own: 0n, inherited: 0n };

  constructor(kind: Descriptor["kind"], preopened?: string) {
    this.kind = kind;
    this.preopened = preopened;
  }
}

/** File descriptors of one guest. Its standard streams and `/` are open from the start, in the lowest numbers. */
export class Descriptors {
  readonly #open = new Map<number, Descriptor>(
    [
      new Descriptor("stdin"),
      new Descriptor("stdout"),
      new Descriptor("stderr"),
      new Descriptor("directory", "/"),
    ].entries(),
  );

  /** Returns an open descriptor; refused as a bad handle if there is none of that number. */
  get(number: number): Descriptor {
    return this.#open.get(number) ??
      refuse("bad-handle", `Cannot use descriptor ${number}: it is not open`);
  }

  /** Adds a descriptor under the lowest free number, which is returned. */
  add(descriptor: Descriptor): number {
    if (this.#open.size >= MAX_OPEN) {
      refuse("limit-exceeded", `Cannot open more than ${MAX_OPEN} descriptors`);
    }
    let number = 0;
    while (this.#open.has(number)) number++;
    this.#open.set(number, descriptor);
    return number;
  }

  close(number: number): void {
    this.get(number);
    this.#open.delete(number);
  }

  /** Moves a descriptor to the number of another, which is closed. */
  renumber(from: number, to: number): void {
    this.get(to);
    const moved = this.get(from);
    this.#open.delete(from);
    this.#open.set(to, moved);
  }
}
