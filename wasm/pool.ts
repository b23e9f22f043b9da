import type { Slot } from "./slot.ts";

/** The slots of one program: made when they are needed, or ahead. */
export class Pool<S> {
  readonly #make: () => Slot<S>;
  readonly #most: number;
  readonly #idle: Slot<S>[] = [];
  #live = 0;

  /** @param most How many may live at the same time. */
  constructor(make: () => Slot<S>, most: number) {
    this.#make = make;
    this.#most = most;
  }

  /** The slot used last, or a new one; undefined when as many live as may. */
  take(): Slot<S> | undefined {
    const idle = this.#idle.pop();
    if (idle || this.#live >= this.#most) return idle;
    const slot = this.#make();
    this.#live++;
    return slot;
  }

  /** Gives up a slot that has run: its memory is no longer as the program first had it. */
  drop(_slot: Slot<S>): void {
    this.#live--;
  }

  /** Makes slots until `count` are idle, or as many live as may; answers how many are idle. */
  warmup(count: number): number {
    while (this.#idle.length < count && this.#live < this.#most) {
      this.#idle.push(this.#make());
      this.#live++;
    }
    return this.#idle.length;
  }
}
