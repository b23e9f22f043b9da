import { setImmediate } from "node:timers";

/** Event loop and clock, as a {@linkcode WriteBatcher} uses them. */
interface EventLoop {
  /** Milliseconds on any clock. */
  now(): number;
  /** Calls back at the end of this turn of the event loop, when all of its events were handled. */
  atEnd(callback: () => void): void;
}

/** Maximum delay of a response for the sake of others, in milliseconds. */
const MAX_DELAY = 1;
/** Duration from which on a turn is long, in milliseconds: a guest has computed in it. */
const LONG_TURN = 4;
/** Turns without a long one before responses are batched. */
const QUICK_TURNS = 64;

const EVENT_LOOP: EventLoop = { now: () => performance.now(), atEnd: setImmediate };

/**
 * Batches the socket writes of one turn of the event loop: a write to a client that sleeps has to wake it, and costs
 * less beside other writes. Responses are batched only while several come in a turn, and only after 64 turns without a
 * long one, so that none waits for a guest that computes.
 */
export class WriteBatcher {
  readonly #eventLoop: EventLoop;
  #delayed: (() => void)[] = [];
  /** Time of the first response that is delayed, or would be; undefined if there is none. */
  #since: number | undefined;
  #quickTurns = 0;
  /** Responses in this turn so far, and in the one before. */
  #count = 0;
  #lastCount = 0;

  constructor(eventLoop: EventLoop = EVENT_LOOP) {
    this.#eventLoop = eventLoop;
  }

  /** Writes a response now, or at the end of the turn. */
  add(write: () => void): void {
    const now = this.#eventLoop.now();
    this.#since ??= now;
    if (this.#count++ === 0) this.#eventLoop.atEnd(this.#endTurn);
    if (this.#quickTurns >= QUICK_TURNS && this.#lastCount > 1) this.#delayed.push(write);
    else write();
    if (now - this.#since >= MAX_DELAY) this.#release(now);
  }

  /** Writes all delayed responses now, before one of the sockets ends. */
  flush(): void {
    if (this.#delayed.length) this.#release(this.#eventLoop.now());
  }

  readonly #endTurn = (): void => {
    this.#quickTurns++;
    this.#lastCount = this.#count;
    this.#count = 0;
    if (this.#since !== undefined) this.#release(this.#eventLoop.now());
  };

  #release(now: number): void {
    if (now - this.#since! > LONG_TURN) this.#quickTurns = 0;
    this.#since = undefined;
    const delayed = this.#delayed;
    this.#delayed = [];
    for (const write of delayed) write();
  }
}
