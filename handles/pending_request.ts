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

/** Kind of result of a request: a backend's response, or the error that the host answers instead. */
type SelectResult = "response" | "error";

/** A request under way, by handle. */
export class PendingRequest extends Pending<Reply> {
  #promised: HeaderList | undefined;
  readonly #lookup: PendingLookup | undefined;
  readonly #edits: {
    readonly target: SelectResult | "any";
    readonly edit: (headers: HeaderList) => void;
  }[] = [];

  /** @param lookup What it waits for in the cache, if it may wait for ever. */
  constructor(reply: Eventually<Reply>, cancel?: () => void, lookup?: PendingLookup) {
    super(reply, cancel);
    this.#lookup = lookup;
  }

  override isHeldBy(run: object): boolean {
    return this.#lookup?.isHeldBy(run) ?? false;
  }

  /** Resolves when it may be ready, or may be held up by others than before. */
  override whenReady(): Promise<void> {
    const done = super.whenReady();
    return this.#lookup && !this.#lookup.ready
      ? Promise.race([done, this.#lookup.whenReady()])
      : done;
  }

  /** All fields that edits add to the head, to bound them. */
  get promised(): HeaderList {
    return this.#promised ??= new HeaderList();
  }

  /** Keeps an edit for the head, which has not arrived. */
  edit(target: SelectResult | "any", edit: (headers: HeaderList) => void): void {
    this.#edits.push({ target, edit });
  }

  /** Makes the kept edits, in the order of the calls. */
  applyEdits(result: SelectResult, headers: HeaderList): void {
    for (const { target, edit } of this.#edits) {
      if (target === "any" || target === result) edit(headers);
    }
  }

  /** The reply with the changes made; waits for it if need be. */
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
