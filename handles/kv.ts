import { ignore } from "../service/kv/pieces.ts";
import type { KvEntry, KvPage } from "../service/kv/store.ts";
import { Pending } from "./pending.ts";

/** A lookup under way. */
export class KvLookup extends Pending<KvEntry> {
  override drop(): void {
    super.drop();
    this.settled.then(({ value }) => ignore(value), () => {});
  }
}
/** An insert under way: it goes on though nobody waits for it, even when the guest has ended. */
export class KvInsert extends Pending<void> {}
/** A deletion under way, which goes on as an insert does. */
export class KvDelete extends Pending<void> {}
/** A list under way. */
export class KvListing extends Pending<KvPage> {}
