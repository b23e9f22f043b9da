import type { InstanceSlot } from "./instance_slot.ts";
import { KEPT_BY_V8 } from "./stack.ts";

/** Most bytes of memory in idle slots; slots that a warm-up has asked for may hold more. */
const MAX_IDLE_BYTES = 512 * 2 ** 20;

/** Instance slots of one program. They are made when needed, or ahead, and reused after a reset. */
export class Pool<S> {
  #make: () => InstanceSlot<S>;
  readonly #most: number;
  readonly #idle: InstanceSlot<S>[] = [];
  /** Program of the slots since {@linkcode Pool.replace}; undefined before. */
  #program: object | undefined;
  #live = 0;
  #retired = false;
  #warm = 0;

  /** @param most Most slots that may live at a time. */
  constructor(make: () => InstanceSlot<S>, most: number) {
    this.#make = make;
    this.#most = most;
  }

  /** Number of slots that can be taken now. */
  get free(): number {
    return this.#most - this.#live + this.#idle.length;
  }

  /** Number of slots, those that run included. */
  get live(): number {
    return this.#live;
  }

  /** Number of slots that run nothing. */
  get idle(): number {
    return this.#idle.length;
  }

  /** Takes the slot that was used last, or a new one; undefined when as many live as may. */
  take(): InstanceSlot<S> | undefined {
    const idle = this.#idle.pop();
    if (idle || this.#live >= this.#most) return idle;
    return this.#count(this.#make());
  }

  #count(slot: InstanceSlot<S>): InstanceSlot<S> {
    if (++this.#live > KEPT_BY_V8) slot.keepStack();
    return slot;
  }

  /**
   * Takes back a slot that has run, for the next one.
   *
   * @param whole Whether the run ended by itself. After any other end the state of the instance is unknown.
   * @throws {Error} If the reset fails; the slot has been dropped then.
   */
  giveBack(slot: InstanceSlot<S>, whole: boolean): void {
    let usable = false;
    try {
      usable = whole && !this.#retired && !this.#isOld(slot) && slot.reset() && this.#hasRoom(slot);
    } finally {
      if (usable) this.#idle.push(slot);
      else this.#drop(slot);
    }
  }

  #drop(slot: InstanceSlot<S>): void {
    this.#live--;
    slot.end();
  }

  /** Drops all idle slots, and the others when they are given back. */
  retire(): void {
    this.#retired = true;
    for (const slot of this.#idle.splice(0)) this.#drop(slot);
  }

  /** Lends an idle slot, which must stay in its first state; undefined if there is none. */
  withIdle<T>(use: (slot: InstanceSlot<S>) => T): T | undefined {
    const idle = this.#idle.at(-1);
    return idle && use(idle);
  }

  /**
   * Replaces all slots by those of another program. Slots in use are dropped when they are given back.
   *
   * @throws {Error} If no slot of it can be made; everything stays as it is then.
   */
  replace(program: object, make: () => InstanceSlot<S>): void {
    const running = this.#live - this.#idle.length;
    const count = Math.min(Math.max(1, this.#warm), this.#most - running);
    const made = Array.from({ length: count }, make);
    this.#program = program;
    this.#make = make;
    for (const slot of this.#idle.splice(0)) this.#drop(slot);
    for (const slot of made) this.#idle.push(this.#count(slot));
  }

  #isOld({ program }: InstanceSlot<S>): boolean {
    return this.#program !== undefined && program !== this.#program;
  }

  /** Makes slots until `count` are idle, or as many live as may. Returns how many are idle. */
  warmup(count: number): number {
    this.#warm = Math.max(this.#warm, count);
    while (this.#idle.length < count && this.#live < this.#most) {
      this.#idle.push(this.#count(this.#make()));
    }
    return this.#idle.length;
  }

  #hasRoom({ memory }: InstanceSlot<S>): boolean {
    const count = this.#idle.length;
    return count < this.#warm || (count + 1) * memory.buffer.byteLength <= MAX_IDLE_BYTES;
  }
}
