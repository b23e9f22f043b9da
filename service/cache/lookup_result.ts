import { refuse } from "../errors.ts";
import type { HeaderList } from "../http/headers.ts";
import type { CacheContent } from "./content.ts";
import type { FoundObject, WriteOptions } from "./object.ts";

/** Object that was inserted. */
export interface Inserted {
  /** Content, still to be written. */
  readonly content: CacheContent;
  /** The object, which can be read while it is written. */
  readonly found: FoundObject;
}

/**
 * Obligation to insert or update an object (Fastly's `MUST_INSERT_OR_UPDATE`), while other lookups of the key wait. One of
 * the methods ends it; after that all of them are refused as `bad-handle`.
 */
export interface Obligation {
  /** Whether it has not ended. */
  readonly open: boolean;
  /** Whether other lookups wait for an object under the key. */
  readonly awaited: boolean;
  /** The run of a program that has the obligation; undefined for the cache's own fetches. */
  readonly owner?: object | undefined;
  /**
   * Inserts an object; the lookups that wait read it while it is written.
   *
   * @param headers Request that the object answers; by default the one that was looked up.
   */
  insert(options: WriteOptions, headers?: HeaderList): Inserted;
  /**
   * Gives the object that was found other options; its content stays. If none was found this is refused, and the
   * obligation goes on.
   *
   * @returns The object as it is now.
   */
  update(options: WriteOptions): FoundObject;
  /** Ends without an object: the lookups that wait use a stale one that may be used on errors, if there is one. */
  useStale(): void;
  /** Ends without an object: the next lookup that waits gets the obligation. */
  cancel(): void;
  /** Ends without an object: all lookups that wait end with neither an object nor an obligation. */
  release(): void;
}

/** Result of a lookup. */
export interface LookupResult {
  readonly found: FoundObject | undefined;
  /** Obligation that the caller has now. */
  readonly obligation: Obligation | undefined;
}

/**
 * Makes an obligation that no lookup waits for and that allows others at the same time, for requests that pass the cache.
 *
 * @param insert Inserts an object, and replaces the one for the request.
 */
export function obligationApart(insert: Obligation["insert"]): Obligation {
  let open = true;
  const end = () => {
    if (!open) refuse("bad-handle", "Cannot write: there is no obligation any more");
    open = false;
  };
  return {
    get open() {
      return open;
    },
    awaited: false,
    insert(options, headers) {
      end();
      return insert(options, headers);
    },
    update: () => refuse("bad-handle", "Cannot update an object: none was found"),
    useStale: end,
    cancel: end,
    release: end,
  };
}

/** Returns the found object if it may be used now. One in the phase `if-error` may only without an open obligation. */
export function usable({ found, obligation }: LookupResult): FoundObject | undefined {
  if (found?.phase === "if-error") return obligation?.open ? undefined : found;
  return found?.phase === "revalidatable" ? undefined : found;
}

/** Queue of a lookup that waits. */
interface Waiting {
  /** Removes the lookup from the queue. */
  readonly leave: () => void;
  /** Returns the runs of programs that have the obligations it waits for. */
  readonly owners: () => readonly (object | undefined)[];
}

/**
 * States of a pending lookup: `waiting` becomes `settled` when there is a result, which is `taken` once. From the first
 * two it can be `cancelled`.
 */
type State =
  | { readonly name: "waiting"; readonly waiting: Waiting | undefined }
  | { readonly name: "settled"; readonly result: LookupResult }
  | { readonly name: "taken" }
  | { readonly name: "cancelled" };

const TAKEN: State = { name: "taken" };
const CANCELLED: State = { name: "cancelled" };

/** A lookup that may have to wait: for another lookup's insert, or for the cache's driver. */
export class PendingLookup {
  #state: State;
  #changed: PromiseWithResolvers<void> | undefined;

  /**
   * @param result Result, if there is one already.
   * @param waiting Queue that the lookup waits in, if it can be cancelled.
   */
  constructor(result: LookupResult | undefined, waiting?: Waiting) {
    this.#state = result ? { name: "settled", result } : { name: "waiting", waiting };
  }

  /** Whether it need not wait any more. */
  get ready(): boolean {
    return this.#state.name !== "waiting";
  }

  /** Resolves when {@linkcode PendingLookup.ready} is true, or when the obligations that it waits for may have changed. */
  whenReady(): Promise<void> {
    if (this.ready) return Promise.resolve();
    return (this.#changed ??= Promise.withResolvers()).promise;
  }

  /** Whether all obligations that it waits for belong to the given run, which would then wait for itself forever. */
  isHeldBy(run: object): boolean {
    if (this.#state.name !== "waiting") return false;
    const owners = this.#state.waiting?.owners() ?? [];
    return owners.length > 0 && owners.every((owner) => owner === run);
  }

  /** Notes that it still waits, possibly for other obligations. */
  stir(): void {
    if (!this.ready) this.#change();
  }

  /** Ends the wait. */
  settle(result: LookupResult): void {
    if (this.ready) return;
    this.#state = { name: "settled", result };
    this.#change();
  }

  /**
   * Returns the result, once.
   *
   * @throws {HostError} `bad-handle` before it is ready, and after it was taken or cancelled.
   */
  take(): LookupResult {
    if (this.#state.name !== "settled") {
      refuse("bad-handle", "Cannot take the result of a lookup that is not ready, or was taken");
    }
    const { result } = this.#state;
    this.#state = TAKEN;
    return result;
  }

  /** Ends the wait without a result, and cancels an obligation that was not taken. Does nothing after that. */
  cancel(): void {
    const state = this.#state;
    if (state.name === "taken" || state.name === "cancelled") return;
    this.#state = CANCELLED;
    if (state.name === "settled") state.result.obligation?.cancel();
    else state.waiting?.leave();
    this.#change();
  }

  #change(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }
}
