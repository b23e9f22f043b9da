import { ignore } from "../service/stores/kv/pieces.ts";
import type { KvEntry, KvPage } from "../service/stores/kv/store.ts";
import { Pending } from "./pending.ts";

/** Lookup under way. */
export class PendingKvLookup extends Pending<KvEntry> {
  override drop(): void {
    super.drop();
    this.settled.then(({ value }) => ignore(value), () => {});
  }
}

/**
 * Change under way. It is completed even if the guest does not wait for it, or has ended. A failure is reported then.
 */
class KvChange extends Pending<void> {
  readonly #report: (error: unknown) => void;

  /** @param report Called with the reason of a failure that the guest does not wait for. */
  constructor(work: Promise<void>, report: (error: unknown) => void) {
    super(work);
    this.#report = report;
  }

  override drop(): void {
    super.drop();
    this.settled.catch(this.#report);
  }
}

/** Insert under way. */
export class PendingKvInsert extends KvChange {}

/** Deletion under way. */
export class PendingKvDelete extends KvChange {}

/** List under way. */
export class PendingKvList extends Pending<KvPage> {}
