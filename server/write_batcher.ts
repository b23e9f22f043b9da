import { setImmediate } from "node:timers";

/** What an {@linkcode WriteBatcher} needs of the platform. */
export interface Turns {
  /** Milliseconds on any clock. */
  now(): number;
  /** Calls back once what has come together, in this turn of the event loop, has been seen to. */
  atEnd(callback: () => void): void;
}

/** The milliseconds for which a response may be held back for others. */
const MAX_HELD = 1;
/** More than that is long: so much time only guests take that do not pause. */
const LONG = 4;
/** So many turns without a long one have to pass before responses are held back. */
const QUICK_TURNS = 64;

const EVENT_LOOP: Turns = { now: () => performance.now(), atEnd: setImmediate };

/**
 * Writes the responses of one turn of the event loop together: a write to a client that is asleep wakes it, which takes
 * longer than all the rest of a write, and those that are awake are spared it. No response waits for what may take long,
 * or for nothing: they are held back only once guests have been quick for a while, and while several come in a turn.
 */
export class WriteBatcher {
  readonly #turns: Turns;
  #held: (() => void)[] = [];
  /** When the first of those came that are held back, or would be; undefined if there is none. */
  #since: number | undefined;
  #quickTurns = 0;
  /** Responses in this turn so far, and in the one before. */
  #count = 0;
  #lastCount = 0;

  constructor(turns: Turns = EVENT_LOOP) {
    this.#turns = turns;
  }

  /** Has a response written, now or a little later. */
  add(write: () => void): void {
    const now = this.#turns.now();
    this.#since ??= now;
    if (this.#count++ === 0) this.#turns.atEnd(this.#endTurn);
    if (this.#quickTurns >= QUICK_TURNS && this.#lastCount > 1) this.#held.push(write);
    else write();
    if (now - this.#since >= MAX_HELD) this.#release(now);
  }

  /** Writes what is held back: one of the sockets is about to end. */
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
