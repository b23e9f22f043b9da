import type { InstanceSlot } from "./instance_slot.ts";

/** Maximum number of bytes of memory in idle slots. Slots that a warm-up has made may hold more. */
const MAX_IDLE_BYTES = 512 * 2 ** 20;

/** Instance slots of one program. They are made when needed, or ahead by a warm-up, and reused after a reset. */
export class Pool<S> {
  #make: () => InstanceSlot<S>;
  readonly #max: number;
  readonly #idle: InstanceSlot<S>[] = [];
  /** Program of the slots since {@linkcode Pool.replace}; undefined before the first call. */
  #program: object | undefined;
  #live = 0;
  #retired = false;
  #warm = 0;

  /**
   * @param make Makes a slot.
   * @param max Maximum number of slots that live at a time.
   */
  constructor(make: () => InstanceSlot<S>, max: number) {
    this.#make = make;
    this.#max = max;
  }

  /** Number of slots that can be taken now. */
  get free(): number {
    return this.#max - this.#live + this.#idle.length;
  }

  /** Number of slots, running ones included. */
  get live(): number {
    return this.#live;
  }

  /** Number of slots that run nothing. */
  get idle(): number {
    return this.#idle.length;
  }

  /** Takes the slot that was used last, or makes one; undefined if as many live as may. */
  take(): InstanceSlot<S> | undefined {
    const idle = this.#idle.pop();
    if (idle || this.#live >= this.#max) return idle;
    return this.#add();
  }

  #add(): InstanceSlot<S> {
    const slot = this.#make();
    this.#live++;
    return slot;
  }

  /**
   * Takes back a slot after a run, and resets it for the next one.
   *
   * @param whole Whether the run ended by itself. After any other end the state of the instance is unknown, so that the
   *   slot is dropped.
   * @throws {Error} If the reset fails; the slot is dropped then.
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

  /** Calls a function with an idle slot, which it must leave in its initial state; undefined if no slot is idle. */
  withIdle<T>(use: (slot: InstanceSlot<S>) => T): T | undefined {
    const idle = this.#idle.at(-1);
    return idle && use(idle);
  }

  /**
   * Replaces all slots by slots of another program. Slots in use are dropped when they are given back.
   *
   * @throws {Error} If no slot of the program can be made; all stay as they are then.
   */
  replace(program: object, make: () => InstanceSlot<S>): void {
    const running = this.#live - this.#idle.length;
    const count = Math.min(Math.max(1, this.#warm), this.#max - running);
    const made = Array.from({ length: count }, make);
    this.#program = program;
    this.#make = make;
    for (const slot of this.#idle.splice(0)) this.#drop(slot);
    this.#live += made.length;
    this.#idle.push(...made);
  }

  #isOld({ program }: InstanceSlot<S>): boolean {
    return this.#program !== undefined && program !== this.#program;
  }

  /**
   * Makes slots until `count` are idle, or as many live as may.
   *
   * @returns Number of idle slots.
   */
  warmup(count: number): number {
    this.#warm = Math.max(this.#warm, count);
    while (this.#idle.length < count && this.#live < this.#max) {
      this.#idle.push(this.#add());
    }
    return this.#idle.length;
  }

  /** Adds a slot that was made elsewhere, as a warm-up for one slot would. */
  add(slot: InstanceSlot<S>): void {
    this.#warm = Math.max(this.#warm, 1);
    this.#live++;
    this.#idle.push(slot);
  }

  #hasRoom({ memory }: InstanceSlot<S>): boolean {
    const count = this.#idle.length;
    return count < this.#warm || (count + 1) * memory.buffer.byteLength <= MAX_IDLE_BYTES;
  }
}
