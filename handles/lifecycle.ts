/** States of a client's request inside the host, in their order. */
export type RequestState = "queued" | "running" | "responded" | "finished" | "closed";

/** States that may follow each state. A request that no guest gets is responded to from the queue. */
const NEXT: { readonly [S in RequestState]: readonly RequestState[] } = {
  queued: ["running", "responded"],
  running: ["responded"],
  responded: ["finished"],
  finished: ["closed"],
  closed: [],
};

/**
 * Life of a client's request, from its arrival to its end:
 *
 * - `queued`: it waits for an instance, or for a running guest to take it.
 * - `running`: a guest is at work on it and has not responded.
 * - `responded`: the response has been given to the front, or left to a backend; the guest may go on.
 * - `finished`: the guest does no more for it; the backend it was left to may still have to answer.
 * - `closed`: nothing more happens for it.
 */
export class Lifecycle {
  #state: RequestState = "queued";
  /** Made when somebody waits for the end. */
  #closed: PromiseWithResolvers<void> | undefined;

  /** Resolves when the request is closed. */
  get closed(): Promise<void> {
    if (this.#state === "closed") return Promise.resolve();
    return (this.#closed ??= Promise.withResolvers()).promise;
  }

  get state(): RequestState {
    return this.#state;
  }

  /** Whether the response has been given or left to a backend. */
  get responded(): boolean {
    return this.#state !== "queued" && this.#state !== "running";
  }

  /**
   * Goes on to a state.
   *
   * @throws {TypeError} If the state may not follow the current one, which stays.
   */
  enter(state: RequestState): void {
    if (!NEXT[this.#state].includes(state)) {
      throw new TypeError(`Cannot go from "${this.#state}" to "${state}"`);
    }
    this.#state = state;
    if (state === "closed") this.#closed?.resolve();
  }
}
