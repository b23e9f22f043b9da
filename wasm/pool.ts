import type { Slot } from "./slot.ts";

/** Bytes of memory that idle slots hold at the most, unless more of them were asked for. */
const MOST_IDLE_BYTES = 512 * 2 ** 20;

/** The slots of one program: made when they are needed, or ahead, and used again if they can be. */
export class Pool<S> {
  readonly #make: () => Slot<S>;
  readonly #most: number;
  readonly #idle: Slot<S>[] = [];
  #live = 0;
  #warm = 0;

  /** @param most How many may live at the same time. */
  constructor(make: () => Slot<S>, most: number) {
    this.#make = make;
    this.#most = most;
  }

  /** How many slots there are, those that run included. */
  get live(): number {
    return this.#live;
  }

  /** How many of them run nothing. */
  get idle(): number {
    return this.#idle.length;
  }

  /** The slot used last, or a new one; undefined when as many live as may. */
  take(): Slot<S> | undefined {
    const idle = this.#idle.pop();
    if (idle || this.#live >= this.#most) return idle;
    const slot = this.#make();
    this.#live++;
    return slot;
  }

  /**
   * Takes back a slot that has run, for the next one.
   *
   * @param whole Whether the run ended by itself: what else it may have left behind is not known.
   */
  giveBack(slot: Slot<S>, whole: boolean): void {
    if (whole && slot.reset() && this.#hasRoom(slot)) this.#idle.push(slot);
    else this.#live--;
  }

  /** Makes slots until `count` are idle, or as many live as may; answers how many are idle. */
  warmup(count: number): number {
    this.#warm = Math.max(this.#warm, count);
    while (this.#idle.length < count && this.#live < this.#most) {
      this.#idle.push(this.#make());
      this.#live++;
    }
    return this.#idle.length;
  }

  #hasRoom({ memory }: Slot<S>): boolean {
    const count = this.#idle.length;
    return count < this.#warm || (count + 1) * memory.buffer.byteLength <= MOST_IDLE_BYTES;
  }
}
