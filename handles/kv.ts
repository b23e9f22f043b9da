import { ignore } from "../service/stores/kv/pieces.ts";
import type { KvEntry, KvPage } from "../service/stores/kv/store.ts";
import { Pending } from "./pending.ts";

/** A lookup under way. */
export class PendingKvLookup extends Pending<KvEntry> {
  override drop(): void {
    super.drop();
    this.settled.then(({ value }) => ignore(value), () => {});
  }
}

/**
 * A change under way: it goes on though nobody waits for it, even when the guest has ended. A failure that the guest has
 * not asked for is reported.
 */
class KvChange extends Pending<void> {
  readonly #report: (error: unknown) => void;

  /** @param report Told why the change failed, if the guest is not. */
  constructor(work: Promise<void>, report: (error: unknown) => void) {
    super(work);
    this.#report = report;
  }

  override drop(): void {
    super.drop();
    this.settled.catch(this.#report);
  }
}
/** An insert under way. */
export class PendingKvInsert extends KvChange {}
/** A deletion under way. */
export class PendingKvDelete extends KvChange {}
/** A list under way. */
export class PendingKvList extends Pending<KvPage> {}
