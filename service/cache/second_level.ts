import type { Clock } from "../util/clock.ts";
import type { CacheKept, SharedObjects } from "./driver.ts";
import type { DriverCalls } from "./driver_calls.ts";

/** Time between two lookups while another cache has the lease, in milliseconds: the first, and the maximum. */
const FIRST_PAUSE = 10;
const MAX_PAUSE = 160;

/** Lease on inserting an object, which other caches wait for. */
export interface Lease {
  /**
   * Ends the lease.
   *
   * @param object Whether others find an object now, or may wait for the next lease; if not, they do not wait for a second.
   */
  release(object: boolean): void;
}

/** Result of a search. */
interface Answer {
  readonly objects: readonly CacheKept[];
  readonly number: number | undefined;
  readonly state: "taken" | "busy" | "free" | "none";
  readonly lease: Lease | undefined;
}

/** Objects that this cache shares with others. If the driver fails, the cache works without them. */
export class SecondLevel {
  readonly #shared: SharedObjects;
  readonly #calls: DriverCalls;
  readonly #clock: Pick<Clock, "after">;
  readonly #id = crypto.randomUUID();
  #leases = 0;

  constructor(shared: SharedObjects, calls: DriverCalls, clock: Pick<Clock, "after">) {
    this.#shared = shared;
    this.#calls = calls;
    this.#clock = clock;
  }

  /**
   * Finds the objects under a key.
   *
   * @param place Place of the object for which to take a lease if it is missing; undefined for none.
   * @param anyway Whether to take the lease even if there is a fresh object under the key.
   * @returns Never rejects.
   */
  async find(key: string, place: string | undefined, anyway: boolean): Promise<Answer> {
    const token = `${this.#id}/${++this.#leases}`;
    const wanted = place === undefined ? undefined : { place, token, anyway };
    try {
      const { objects, number, lease } = await this.#calls.read(
        "look into the cache",
        () => this.#shared.find(key, wanted),
      );
      const held = lease === "taken" ? this.#leaseOf(place!, token) : undefined;
      return { objects, number, state: lease, lease: held };
    } catch {
      return { objects: [], number: undefined, state: "free", lease: undefined };
    }
  }

  /** Resolves after a pause, which grows with the number of earlier ones. */
  pause(times: number): Promise<void> {
    const ms = Math.min(FIRST_PAUSE * 2 ** (times - 1), MAX_PAUSE);
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }

  #leaseOf(place: string, token: string): Lease {
    return {
      release: (object) => {
        try {
          const released = this.#shared.release(place, token, object);
          if (released instanceof Promise) released.catch(() => {});
        } catch {
          // The lease expires.
        }
      },
    };
  }
}

/** Callbacks of an {@linkcode EntrySearch}. */
interface SearchHooks {
  /** Called with the objects that were found. */
  readonly found: (objects: readonly CacheKept[], number: number | undefined) => void;
  /** Attempts the waiting lookups again. */
  readonly wake: () => void;
  /** Whether lookups wait. */
  readonly awaited: () => boolean;
}

/** A search, with its answer once it has arrived. */
interface Search {
  readonly place: string | undefined;
  readonly times: number;
  answer: Answer | undefined;
}

/** Searches of one entry in the second level, one at a time; its answer is for all waiting lookups. */
export class EntrySearch {
  readonly #key: string;
  readonly #second: SecondLevel;
  readonly #hooks: SearchHooks;
  #search: Search | undefined;

  constructor(key: string, second: SecondLevel, hooks: SearchHooks) {
    this.#key = key;
    this.#second = second;
    this.#hooks = hooks;
  }

  /** Searches for objects; waiting lookups are attempted again when the answer has arrived. */
  search(): void {
    if (!this.#search || this.#search.answer) this.#begin(undefined);
  }

  /**
   * Takes the lease on an object that is missing here, by a search.
   *
   * @param waits Whether the caller waits while another cache has the lease, since it has no object to use.
   * @returns The lease, or undefined if none is needed; `searching` if the caller has to wait for an answer; `busy` if
   * another cache has the lease.
   */
  lease(place: string, waits: boolean): Lease | undefined | "searching" | "busy" {
    const search = this.#search;
    if (search && !search.answer) return "searching";
    if (!search || search.place !== place) return this.#begin(place);
    const { state, lease } = search.answer!;
    if (state === "none") return this.#begin(place, true);
    if (state === "busy") return waits ? this.#begin(place, true, search.times + 1) : "busy";
    this.#search = undefined;
    return lease;
  }

  #begin(place: string | undefined, anyway = false, times = 0): "searching" {
    this.#search?.answer?.lease?.release(true);
    const search: Search = { place, times, answer: undefined };
    this.#search = search;
    this.#run(search, anyway);
    return "searching";
  }

  async #run(search: Search, anyway: boolean): Promise<void> {
    const { place, times } = search;
    // The await lets the lookup that has begun the search become one of the waiting ones.
    await (times ? this.#second.pause(times) : undefined);
    if (this.#hooks.awaited()) {
      search.answer = await this.#second.find(this.#key, place, anyway);
      this.#hooks.found(search.answer.objects, search.answer.number);
    }
    this.#hooks.wake();
    if (this.#search !== search) return;
    // The lease is not needed: an object was found, or all lookups were cancelled.
    search.answer?.lease?.release(true);
    this.#search = undefined;
  }
}
