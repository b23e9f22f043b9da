import { refuse } from "../errors.ts";
import type { HeaderList } from "../http/headers.ts";
import type { CacheContent } from "./content.ts";
import type { FoundObject, WriteOptions } from "./object.ts";

/** A new object, and where its content is to be written. */
export interface Inserted {
  readonly content: CacheContent;
  /** The object, to be read while it is written. */
  readonly found: FoundObject;
}

/**
 * The duty to get an object, which others wait for: it ends with one of these, and refuses all of them from then on.
 */
export interface Obligation {
  /** Whether it has not ended. */
  readonly open: boolean;
  /** Whether anybody waits for an object under the key. */
  readonly awaited: boolean;
  /** The run of a program that has it; undefined for the cache's own fetches. */
  readonly owner?: object | undefined;
  /** @param headers The request that the object answers; by default the one that was looked up. */
  insert(options: WriteOptions, headers?: HeaderList): Inserted;
  /**
   * Gives the object that was found other options; its content stays. Refused, with no end, if none was found.
   *
   * @returns The object as it is now.
   */
  update(options: WriteOptions): FoundObject;
  /** Nobody could get an object: those who wait now take the one that was kept for this, if it was. */
  useStale(): void;
  /** Somebody else may try. */
  cancel(): void;
  /** There will be no object: those who wait are let go, all at once, with neither an object nor an obligation. */
  release(): void;
}

/** What a lookup has come to. */
export interface LookupResult {
  readonly found: FoundObject | undefined;
  /** What the one who looked it up has to do. */
  readonly obligation: Obligation | undefined;
}

/**
 * An obligation that nobody waits for, and that keeps nobody else from having one: for requests that are not to wait for
 * each other.
 *
 * @param insert Puts an object in the place of whatever there is for the request.
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

/** What may be used of what was found. What is kept for errors may once nobody is to get anything better. */
export function usable({ found, obligation }: LookupResult): FoundObject | undefined {
  if (found?.phase === "if-error") return obligation?.open ? undefined : found;
  return found?.phase === "revalidatable" ? undefined : found;
}

/** A lookup that may have to wait for what somebody else is getting. */
export class PendingLookup {
  #outcome: LookupResult | undefined;
  #leave: (() => void) | undefined;
  #over = false;
  readonly #owners: () => readonly (object | undefined)[];
  #changed = Promise.withResolvers<void>();

  /**
   * @param leave Gives up the place in the queue.
   * @param owners Those who have the obligations that it waits for.
   */
  constructor(
    outcome: LookupResult | undefined,
    leave?: () => void,
    owners: () => readonly (object | undefined)[] = () => [],
  ) {
    this.#leave = leave;
    this.#owners = owners;
    if (outcome) this.settle(outcome);
  }

  /** Whether it need not wait any more. */
  get ready(): boolean {
    return this.#outcome !== undefined || this.#over;
  }

  /** Resolves when {@linkcode PendingLookup.ready} holds, or may be held up by others than before. */
  whenReady(): Promise<void> {
    return this.#changed.promise;
  }

  /** Whether it waits for nothing but what one run of a program itself has to do. */
  isHeldBy(owner: object): boolean {
    if (this.ready) return false;
    const owners = this.#owners();
    return owners.length > 0 && owners.every((each) => each === owner);
  }

  /** Notes that it waits on, and that others may hold it up than before. */
  stir(): void {
    if (this.ready) return;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  settle(outcome: LookupResult): void {
    this.#outcome = outcome;
    this.#leave = undefined;
    this.#changed.resolve();
  }

  /** What has come of it, for the caller to keep; refused before it is ready, and after it was taken or cancelled. */
  take(): LookupResult {
    const outcome = this.#outcome;
    if (!outcome || this.#over) refuse("bad-handle", "Cannot take the outcome of a lookup twice");
    this.#over = true;
    return outcome;
  }

  /** Waits no more, and passes on what it may have come to. Does nothing once the outcome was taken. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#leave?.();
    this.#outcome?.obligation?.cancel();
    this.#changed.resolve();
  }
}
