import type { DownstreamRequest } from "./downstream_request.ts";
import { Waitable } from "./waitable.ts";

/** Guest's offer to take another request, by handle. It settles when a request comes or none will. */
export class RequestPromise extends Waitable {
  readonly #settled = Promise.withResolvers<void>();
  readonly #willing: () => boolean;
  #given: { readonly request: DownstreamRequest; readonly giveBack: () => void } | undefined;
  #over = false;

  /** @param willing Whether the guest is free for it now. */
  constructor(willing: () => boolean) {
    super();
    this.#willing = willing;
  }

  /**
   * Hands a request to the guest; false if it does not take it.
   *
   * @param giveBack Called if the guest ends without having asked for it.
   */
  offer(request: DownstreamRequest, giveBack: () => void): boolean {
    if (this.ready || !this.#willing()) return false;
    this.#given = { request, giveBack };
    this.#settled.resolve();
    return true;
  }

  /** Ends the offer: no request will come. */
  end(): void {
    this.#over = true;
    this.#settled.resolve();
  }

  /** Takes the request that has come; undefined if none did, or its client has left since. To be called once, when ready. */
  take(): DownstreamRequest | undefined {
    const request = this.#given?.request;
    this.#given = undefined;
    this.#over = true;
    return request?.state === "queued" ? request : undefined;
  }

  override get ready(): boolean {
    return this.#over || this.#given !== undefined;
  }

  override whenReady(): Promise<void> {
    return this.#settled.promise;
  }

  override drop(): void {
    this.#given?.giveBack();
    this.#given = undefined;
    this.end();
  }
}
