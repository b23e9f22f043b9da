import type { Eventually } from "../service/http/bytes.ts";
import type { PendingLookup } from "../service/cache/lookup_result.ts";
import { HeaderList } from "../service/http/headers.ts";
import type { Body } from "./body.ts";
import type { GuestResponse } from "./message.ts";
import { Pending } from "./pending.ts";

/** Response of a backend, with its body. */
export interface Reply {
  readonly response: GuestResponse;
  readonly body: Body;
}

/** Kind of response to a request: the backend's, or the host's in place of one. */
type SelectResult = "response" | "error";

/** Request under way, by handle. */
export class PendingRequest extends Pending<Reply> {
  #promised: HeaderList | undefined;
  readonly #lookup: PendingLookup | undefined;
  readonly #edits: {
    readonly target: SelectResult | "any";
    readonly edit: (headers: HeaderList) => void;
  }[] = [];

  /** @param lookup Lookup in the cache that the request waits for, if that may be for the guest itself. */
  constructor(reply: Eventually<Reply>, cancel?: () => void, lookup?: PendingLookup) {
    super(reply, cancel);
    this.#lookup = lookup;
  }

  override isHeldBy(run: object): boolean {
    return this.#lookup?.isHeldBy(run) ?? false;
  }

  /** Resolves when the request may be ready, or {@linkcode PendingRequest.isHeldBy} may have changed. */
  override whenReady(): Promise<void> {
    const done = super.whenReady();
    return this.#lookup && !this.#lookup.ready
      ? Promise.race([done, this.#lookup.whenReady()])
      : done;
  }

  /** Fields that the edits add, whose number and size are limited. */
  get promised(): HeaderList {
    return this.#promised ??= new HeaderList();
  }

  /** Adds an edit of the head, to be made when it has arrived. */
  edit(target: SelectResult | "any", edit: (headers: HeaderList) => void): void {
    this.#edits.push({ target, edit });
  }

  /** Makes the edits for a kind of response, in their order. */
  applyEdits(result: SelectResult, headers: HeaderList): void {
    for (const { target, edit } of this.#edits) {
      if (target === "any" || target === result) edit(headers);
    }
  }

  /** Returns the reply with the edits made, or a promise of it. */
  reply(): Reply | Promise<Reply> {
    const reply = this.get();
    return reply instanceof Promise
      ? reply.then((reply) => this.#edited(reply))
      : this.#edited(reply);
  }

  override drop(): void {
    super.drop();
    this.settled.then(({ body }) => body.drop(), () => {});
  }

  #edited(reply: Reply): Reply {
    this.applyEdits("response", reply.response.headers);
    return reply;
  }
}
