import type { Clock } from "../util/clock.ts";
import type { CacheKept, SharedObjects } from "./driver.ts";
import type { DriverCalls } from "./driver_calls.ts";

/** Milliseconds between two questions whether another cache has got an object: the first, and the most. */
const FIRST_PAUSE = 10;
const MAX_PAUSE = 160;

/** Lease on getting an object, which other caches wait for. */
export interface Lease {
  /**
   * Ends the lease.
   *
   * @param object Whether the others find an object now, or may wait for the next one; otherwise none of them waits for a second.
   */
  release(object: boolean): void;
}

/** What a search has come to. */
interface Answer {
  readonly objects: readonly CacheKept[];
  readonly number: number | undefined;
  readonly state: "taken" | "busy" | "free" | "none";
  readonly lease: Lease | undefined;
}

/** Objects that this cache shares with others. If they cannot be asked for, the cache goes on alone. */
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
   * @param place Place of an object that this cache gets if it is missing.
   * @param anyway Whether it gets the object even if there is a fresh one under the key.
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

  /** Resolves after a while, which is longer the more often there was one before. */
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
          // It ends by itself.
        }
      },
    };
  }
}

/** Settings of an {@linkcode EntrySearch}. */
export interface SearchHooks {
  /** Takes objects that were found. */
  readonly found: (objects: readonly CacheKept[], number: number | undefined) => void;
  /** Has the lookups that wait try again. */
  readonly wake: () => void;
  /** Whether lookups wait. */
  readonly awaited: () => boolean;
}

/** A search of which the answer is there, or comes. */
interface Search {
  readonly place: string | undefined;
  readonly times: number;
  answer: Answer | undefined;
}

/** Searches of one entry of a cache in its second level, one at a time. All lookups that wait are answered by it. */
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

  /** Searches for objects; the lookups that wait are woken when it is known what there is. */
  look(): void {
    if (!this.#search || this.#search.answer) this.#begin(undefined);
  }

  /**
   * Asks for the lease on an object that is missing here, which a search gives.
   *
   * @param waits Whether the caller waits while another cache gets the object: it has none to use.
   * @returns The lease to be used, or undefined if none is needed; "searching" if the caller has to wait for an answer;
   * "busy" if it need not get the object, as another cache does.
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
    // At least until the lookup that has begun the search is among those that wait.
    await (times ? this.#second.pause(times) : undefined);
    if (this.#hooks.awaited()) {
      search.answer = await this.#second.find(this.#key, place, anyway);
      this.#hooks.found(search.answer.objects, search.answer.number);
    }
    this.#hooks.wake();
    if (this.#search !== search) return;
    // Nobody needs the lease: an object was found, or all have left.
    search.answer?.lease?.release(true);
    this.#search = undefined;
  }
}
