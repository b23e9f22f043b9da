import { refuse } from "../service/errors.ts";

/** Descriptors that one guest may hold at a time. */
const MAX_OPEN = 1024;

/** What a guest reads from, writes to or looks up paths in. */
export class Descriptor {
  readonly kind: "stdin" | "stdout" | "stderr" | "directory";
  /** The path under which it was open from the start, if it was: guests resolve paths against those. */
  readonly preopened: string | undefined;
  /** What the guest asked to happen at each use; kept for it to read back. */
  flags = 0;
  /** Rights that the guest gave up: for this descriptor, and for those opened through it. */
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

  /** Refuses `bad-handle` if nothing is open under the number. */
  get(number: number): Descriptor {
    return this.#open.get(number) ??
      refuse("bad-handle", `Cannot use descriptor ${number}: it is not open`);
  }

  /** Gives a descriptor the lowest number that is free. */
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
