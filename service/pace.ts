/**
 * Tells how long the process was held up by a guest that did not pause: nothing else could happen meanwhile, so that
 * time limits leave it out.
 */
export class Pace {
  /** By their length: in the order in which they were set they end, so that one timer does for all of a length. */
  readonly #limits = new Map<number, Limits>();
  #heldUp = 0;

  /** Notes that nothing could happen for so many milliseconds. */
  holdUp(ms: number): void {
    this.#heldUp += ms;
  }

  /**
   * Calls back once that many milliseconds have passed in which the process was not held up. Cheap: most limits are
   * taken back long before.
   *
   * @returns What prevents the call.
   */
  after(ms: number, callback: () => void): () => void {
    const limit = new Limit(this.#heldUp, callback);
    this.#add(ms, limit);
    return () => limit.remove();
  }

  #add(ms: number, limit: Limit): void {
    let limits = this.#limits.get(ms);
    if (!limits) this.#limits.set(ms, limits = new Limits(ms, this.#expire, this.#forget));
    limits.add(limit);
  }

  readonly #expire = (limit: Limit): void => {
    const missed = this.#heldUp - limit.heldUp;
    limit.heldUp = this.#heldUp;
    if (missed > 0) this.#add(missed, limit);
    else limit.callback();
  };

  readonly #forget = (limits: Limits): void => void this.#limits.delete(limits.ms);
}

/** One limit, linked to its neighbours among those of its length. */
class Limit {
  heldUp: number;
  readonly callback: () => void;
  end = 0;
  before: Limit | undefined;
  after: Limit | undefined;
  among: Limits | undefined;

  constructor(heldUp: number, callback: () => void) {
    this.heldUp = heldUp;
    this.callback = callback;
  }

  remove(): void {
    this.among?.remove(this);
  }
}

/** Limits of one length, the first to end first. */
class Limits {
  readonly ms: number;
  readonly #expire: (limit: Limit) => void;
  readonly #forget: (limits: Limits) => void;
  #first: Limit | undefined;
  #last: Limit | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, expire: (limit: Limit) => void, forget: (limits: Limits) => void) {
    this.ms = ms;
    this.#expire = expire;
    this.#forget = forget;
  }

  add(limit: Limit): void {
    limit.end = performance.now() + this.ms;
    limit.among = this;
    limit.before = this.#last;
    if (this.#last) this.#last.after = limit;
    else this.#first = limit;
    this.#last = limit;
    this.#timer ??= setTimeout(this.#look, this.ms);
  }

  remove(limit: Limit): void {
    const { before, after } = limit;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    limit.before = limit.after = limit.among = undefined;
    if (this.#first) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forget(this);
  }

  /** Ends those whose time has come, and looks again when that of the next has. */
  readonly #look = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    try {
      for (let limit = this.#first; limit && limit.end <= now; limit = this.#first) {
        this.remove(limit);
        this.#expire(limit);
      }
    } finally {
      if (this.#first) this.#timer ??= setTimeout(this.#look, Math.ceil(this.#first.end - now));
    }
  };
}
