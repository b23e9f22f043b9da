import { type Eventually, isWhole } from "../service/http/bytes.ts";
import type { FoundObject } from "../service/cache/object.ts";
import type { LookupResult, Obligation, PendingLookup } from "../service/cache/lookup_result.ts";
import { type Range, readRange } from "../service/cache/range.ts";
import { refuse } from "../service/errors.ts";
import { Body } from "./body.ts";
import { resultFor } from "./held_wait.ts";
import type { HandleTable } from "./table.ts";
import { Waitable } from "./waitable.ts";

/** Result of a lookup by handle: the object found, the obligation to insert one, or both. */
export abstract class CacheHandle extends Waitable {
  readonly found: FoundObject | undefined;
  readonly obligation: Obligation | undefined;
  /** Whether a range is applied even if the length of the object is not known yet. */
  readonly insistsOnRange: boolean;
  #open: { readonly handle: number; readonly body: Body } | undefined;

  constructor({ found, obligation }: LookupResult, insistsOnRange: boolean) {
    super();
    this.found = found;
    this.obligation = obligation;
    this.insistsOnRange = insistsOnRange;
  }

  /** Object found; refused as absent if there is none. */
  get foundObject(): FoundObject {
    return this.found ?? refuse("absent", "Cannot find an object under the key");
  }

  /** Obligation that is still open; refused as a bad handle if there is none. */
  get openObligation(): Obligation {
    const { obligation } = this;
    return obligation?.open
      ? obligation
      : refuse("bad-handle", "Cannot write to the cache: there is no obligation to");
  }

  /**
   * Opens the object found, or a range of it, as a body. Refused while an earlier body of this handle is open, which is
   * until it has been read to its end or closed.
   *
   * @param run Sandbox that is suspended until the range has arrived. Refused if only that sandbox could write it.
   * @returns Handle of the body.
   */
  open(handles: HandleTable, range: Range, run: object): Eventually<number> {
    const { object } = this.foundObject;
    if (this.#open && handles.has(this.#open.handle) && !this.#open.body.ended) {
      refuse("bad-handle", "Cannot open a cached body twice: the first is still being read");
    }
    const payload = readRange(object.content, range, this.insistsOnRange);
    const hand = (body: Body): number => {
      const handle = handles.insert(body);
      this.#open = { handle, body };
      return handle;
    };
    if (!(payload instanceof Promise)) return hand(Body.of(payload));
    const { content } = object;
    const given = resultFor(payload, () => content.isHeldBy(run), () => content.changes());
    // If the wait was refused, content that arrives later has no reader.
    given.catch(() => payload.then((late) => isWhole(late) || late.cancel(), () => {}));
    return given.then((payload) => hand(Body.of(payload)));
  }

  override get ready(): boolean {
    return true;
  }

  override whenReady(): Promise<void> {
    return Promise.resolve();
  }

  /** Cancels an open obligation. */
  override drop(): void {
    if (this.obligation?.open) this.obligation.cancel();
  }
}

/** Result of a lookup. */
export class CacheLookup extends CacheHandle {}

/** Replacement of an object that has not been written yet. */
export class CacheReplace extends CacheHandle {
  readonly key: string;

  constructor(key: string, result: LookupResult, insistsOnRange: boolean) {
    super(result, insistsOnRange);
    this.key = key;
  }
}

/** Lookup under way, which may have to wait for an obligation of another request. */
export class CacheBusy extends Waitable {
  readonly insistsOnRange: boolean;
  readonly #pending: PendingLookup;

  constructor(pending: PendingLookup, insistsOnRange: boolean) {
    super();
    this.#pending = pending;
    this.insistsOnRange = insistsOnRange;
  }

  /** Takes the result, once. Refused before the lookup is ready and after it was dropped. */
  take(): LookupResult {
    return this.#pending.take();
  }

  override get ready(): boolean {
    return this.#pending.ready;
  }

  override whenReady(): Promise<void> {
    return this.#pending.whenReady();
  }

  override drop(): void {
    this.#pending.cancel();
  }

  override isHeldBy(run: object): boolean {
    return this.#pending.isHeldBy(run);
  }
}
