import { setImmediate } from "node:timers";

/** Event loop and clock that a {@linkcode WriteBatcher} uses. */
export interface Turns {
  /** Milliseconds on any clock. */
  now(): number;
  /** Calls back at the end of this turn of the event loop, when all of its events were handled. */
  atEnd(callback: () => void): void;
}

/** Milliseconds that a response may be delayed for others. */
const MAX_HELD = 1;
/** Milliseconds of a long turn: only a guest that does not wait takes longer. */
const LONG = 4;
/** Turns without a long one before responses are batched. */
const QUICK_TURNS = 64;

const EVENT_LOOP: Turns = { now: () => performance.now(), atEnd: setImmediate };

/**
 * Batches socket writes of one turn of the event loop. Waking a sleeping client dominates the cost of a small write, so
 * several responses are written together. Responses are batched only while several come in a turn, and only after 64
 * turns without a long one, so that none waits for a guest that computes.
 */
export class WriteBatcher {
  readonly #turns: Turns;
  #held: (() => void)[] = [];
  /** Time of the first response that is delayed, or would be; undefined if there is none. */
  #since: number | undefined;
  #quickTurns = 0;
  /** Responses in this turn so far, and in the one before. */
  #count = 0;
  #lastCount = 0;

  constructor(turns: Turns = EVENT_LOOP) {
    this.#turns = turns;
  }

  /** Writes a response now, or at the end of the turn. */
  add(write: () => void): void {
    const now = this.#turns.now();
    this.#since ??= now;
    if (this.#count++ === 0) this.#turns.atEnd(this.#endTurn);
    if (this.#quickTurns >= QUICK_TURNS && this.#lastCount > 1) this.#held.push(write);
    else write();
    if (now - this.#since >= MAX_HELD) this.#release(now);
  }

  /** Writes all delayed responses now, before one of the sockets ends. */
  flush(): void {
    if (this.#held.length) this.#release(this.#turns.now());
  }

  readonly #endTurn = (): void => {
    this.#quickTurns++;
    this.#lastCount = this.#count;
    this.#count = 0;
    if (this.#since !== undefined) this.#release(this.#turns.now());
  };

  #release(now: number): void {
    if (now - this.#since! > LONG) this.#quickTurns = 0;
    this.#since = undefined;
    const held = this.#held;
    this.#held = [];
    for (const write of held) write();
  }
}
