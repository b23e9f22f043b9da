/** States of a client's request inside the host, in their order. */
export type RequestState = "queued" | "running" | "responded" | "finished" | "closed";

/** States that may follow each state. A request that is refused goes from `queued` to `responded`. */
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
 * - `queued`: the request waits for an instance, or for a running guest to take it.
 * - `running`: a guest works on the request and has not responded.
 * - `responded`: the response has been passed to the server, or delegated to a backend. The guest may go on.
 * - `finished`: the guest has ended its work on the request. A delegated response may still be awaited.
 * - `closed`: nothing more happens for the request.
 */
export class Lifecycle {
  #state: RequestState = "queued";
  /** Made with the first wait for the end. */
  #closed: PromiseWithResolvers<void> | undefined;

  /** Resolves when the request is closed. */
  get closed(): Promise<void> {
    if (this.#state === "closed") return Promise.resolve();
    return (this.#closed ??= Promise.withResolvers()).promise;
  }

  get state(): RequestState {
    return this.#state;
  }

  /** Whether the response has been passed on or delegated. */
  get responded(): boolean {
    return this.#state !== "queued" && this.#state !== "running";
  }

  /**
   * Enters a state.
   *
   * @throws {TypeError} If the state may not follow the current one, which does not change then.
   */
  enter(state: RequestState): void {
    if (!NEXT[this.#state].includes(state)) {
      throw new TypeError(`Cannot go from "${this.#state}" to "${state}"`);
    }
    this.#state = state;
    if (state === "closed") this.#closed?.resolve();
  }
}
