import type { DownstreamRequest } from "./downstream_request.ts";
import { Waitable } from "./waitable.ts";

/** Offer of a guest to take a further request, by handle. It settles when a request comes or none will. */
export class RequestPromise extends Waitable {
  readonly #settled = Promise.withResolvers<void>();
  readonly #willing: () => boolean;
  #given: { readonly request: DownstreamRequest; readonly giveBack: () => void } | undefined;
  #over = false;

  /** @param willing Tells whether the guest can take a request now. */
  constructor(willing: () => boolean) {
    super();
    this.#willing = willing;
  }

  /**
   * Passes a request to the guest.
   *
   * @param giveBack Called if the guest ends without having taken the request.
   * @returns Whether the offer was open and the guest willing.
   */
  offer(request: DownstreamRequest, giveBack: () => void): boolean {
    if (this.ready || !this.#willing()) return false;
    this.#given = { request, giveBack };
    this.#settled.resolve();
    return true;
  }

  /** Whether the offer has ended without a request. */
  get ended(): boolean {
    return this.#over && !this.#given;
  }

  /** Ends the offer without a request. */
  end(): void {
    this.#over = true;
    this.#settled.resolve();
  }

  /** Takes the request, once the promise is ready; undefined if none has come, or its client has left since. */
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
